import {
    CreateTagsCommand,
    DeleteTagsCommand,
    type EC2Client,
    type ResourceType,
    type Tag,
    type TagSpecification,
} from "@aws-sdk/client-ec2";

function tagList(tags: unknown): Tag[] {
    return Object.entries((tags ?? {}) as Record<string, string>).map(([Key, Value]) => ({ Key, Value }));
}

/** For a creation; EC2 refuses a specification without tags. */
export function tagSpecifications(ResourceType: ResourceType, tags: unknown): TagSpecification[] {
    const Tags = tagList(tags);
    return Tags.length > 0 ? [{ ResourceType, Tags }] : [];
}

export function tagMap(tags: readonly Tag[] = []): Record<string, string> {
    return Object.fromEntries(
        tags.flatMap(({ Key = "", Value = "" }) => (Key.startsWith("aws:") ? [] : [[Key, Value]])),
    );
}

export async function updateTags(ec2: EC2Client, id: string, olds: unknown, news: unknown): Promise<void> {
    const [before, after] = [tagList(olds), tagList(news)];
    const gone = before.filter(({ Key }) => !after.some((tag) => tag.Key === Key));
    const wanted = after.filter(
        ({ Key, Value }) => !before.some((tag) => tag.Key === Key && tag.Value === Value),
    );
    if (gone.length > 0) {
        await ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: gone.map(({ Key }) => ({ Key })) }));
    }
    if (wanted.length > 0) {
        await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: wanted }));
    }
}
