/** Words of EC2 and EBS about keys: "Given key ID is not accessible", `InvalidKMSKey.InvalidState`, "kms:CreateGrant". */
const ABOUT_A_KEY = /\bkms|kms\s?key|given key id|\bCMK\b/i;

/** What to do, where AWS's words are about a KMS key that cannot be used; undefined: they are not. */
export function keyRemedy(words: string): string | undefined {
    return ABOUT_A_KEY.test(words)
        ? "Check that the KMS key is enabled and in this region, and that the key's own policy lets the caller use it " +
              '(docs/iam.md, "Encrypted volumes"). Then run again.'
        : undefined;
}
