// tsc copies no other files: what runs on the instance goes beside the code that reads it.
import { copyFileSync, readdirSync } from "node:fs";

for (const folder of ["provider/quiesce", "recipes"]) {
    for (const name of readdirSync(folder).filter((one) => /\.(sh|ps1)$/.test(one))) {
        copyFileSync(`${folder}/${name}`, `bin/${folder}/${name}`);
    }
}
