// What the package exports, as its users' compilers see it: `npm run api` writes it to `api/`.
import { apiChanges } from "./apiReport/extract";

for (const change of apiChanges("update")) {
    console.log(change);
}
