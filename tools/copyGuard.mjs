// tsc copies no other files: the guard goes beside the code that reads it.
import { copyFileSync } from "node:fs";

copyFileSync("provider/quiesce/guard.sh", "bin/provider/quiesce/guard.sh");
