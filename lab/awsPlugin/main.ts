// `pulumi-resource-aws` of the tests: the resources of @pulumi/aws that are used here, as calls to the cloud that
// AWS_ENDPOINT_URL names. Nothing is judged here that EC2 judges: see lab/cloud.
import { ami } from "./ami";
import { amiCopy } from "./amiCopy";
import { instance } from "./instance";
import { launchTemplate } from "./launchTemplate";
import { serve } from "./server";

void serve([ami, amiCopy, instance, launchTemplate], process.env);
