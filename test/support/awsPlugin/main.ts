import { ami } from "./ami";
import { amiCopy } from "./amiCopy";
import { instance } from "./instance";
import { launchTemplate } from "./launchTemplate";
import { serve } from "./server";

void serve([ami, amiCopy, instance, launchTemplate], process.env);
