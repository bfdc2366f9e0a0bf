// tsc copies no other files: what runs on the instance goes beside the code that reads it.
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";

for (const folder of ["provider/quiesce/hooks/guard", "provider/quiesce/vss", "recipes", "recipes/verify"]) {
    mkdirSync(`bin/${folder}`, { recursive: true });
    for (const name of readdirSync(folder).filter((one) => /\.(sh|ps1)$/.test(one))) {
        copyFileSync(`${folder}/${name}`, `bin/${folder}/${name}`);
    }
}
