# SPDX-License-Identifier: Apache-2.0
"""What the tests of documents against a running home share: JSON Schemas taken strictly."""
import sys

try:
    import jsonschema
except ImportError as missing:
    print(f"skip: {missing}")
    sys.exit(77)


def close_objects(schema):
    """The same schema where a field that is not described is an error."""
    if isinstance(schema, list):
        return [close_objects(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close_objects(value) for key, value in schema.items()}
    if "properties" in schema and isinstance(schema.get("type"), (str, list)):
        closed.setdefault("additionalProperties", False)
    return closed


def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(close_objects(schema))
