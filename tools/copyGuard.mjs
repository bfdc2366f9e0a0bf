// tsc copies no other files: what is sent to instances goes beside the code that reads it.
import { copyFileSync } from "node:fs";

for (const file of ["guard.sh", "installedComponents.ps1"]) {
    copyFileSync(`provider/quiesce/${file}`, `bin/provider/quiesce/${file}`);
}
