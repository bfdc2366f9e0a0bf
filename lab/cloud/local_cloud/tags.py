"""Tags: limits and reserved names as EC2 has them, and look-up that does not slow down as the cloud fills."""

from typing import Any

from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.responses.tags import TagResponse

from .errors import CloudError

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
MOST_TAGS = 50
LONGEST_KEY = 128
LONGEST_VALUE = 256


def user_tags(backend: Any, resource_id: str) -> "dict[str, str]":
    tags = backend.tags.get(resource_id, {})
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def check_tags(tags: "dict[str, str]") -> None:
    for key, value in tags.items():
        if key.startswith("aws:"):
            raise CloudError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        if not 1 <= len(key) <= LONGEST_KEY:
            raise CloudError("InvalidParameterValue", f"Tag key exceeds the maximum length of {LONGEST_KEY} characters")
        if len(value or "") > LONGEST_VALUE:
            raise CloudError(
                "InvalidParameterValue", f"Tag value exceeds the maximum length of {LONGEST_VALUE} characters"
            )
    if len(tags) > MOST_TAGS:
        raise CloudError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


def specified_tags(response: Any, resource_type: str) -> "dict[str, str]":
    """Of TagSpecifications, which may name no other type of resource."""
    tags = response._parse_tag_specification()
    for other in tags.keys() - {resource_type}:
        raise CloudError(
            "InvalidParameterValue", f"'{other}' is not a valid taggable resource type for this operation."
        )
    return tags.get(resource_type, {})


def install() -> None:
    def get_tags(self) -> "list[dict[str, str]]":
        tags = self.ec2_backend.tags.get(self.id, {})
        return [{"resource_id": self.id, "key": key, "value": value} for key, value in tags.items()]

    TaggedEC2Resource.get_tags = get_tags

    original_create = TagResponse.create_tags
    original_delete = TagResponse.delete_tags

    def create_tags(self) -> Any:
        check_tags({tag["Key"]: tag.get("Value", "") for tag in self._get_param("Tags", [])})
        return original_create(self)

    def delete_tags(self) -> Any:
        self.ec2_backend.do_resources_exist(self._get_param("Resources", []))
        return original_delete(self)

    TagResponse.create_tags = create_tags
    TagResponse.delete_tags = delete_tags
