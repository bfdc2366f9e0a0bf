// The plugin `pulumi-resource-aws` of the tests: see README.md.
import { ami } from "./ami";
import { serve } from "./server";

void serve([ami], process.env);
