// tsc copies no other files: what runs on the instance goes beside the code that reads it.
import { copyFileSync } from "node:fs";

for (const name of ["guard.sh", "installedComponents.ps1"]) {
    copyFileSync(`provider/quiesce/${name}`, `bin/provider/quiesce/${name}`);
}
