"""What botocore's own service model says: whether an answer fits it, and which inputs break it.

The model is the raw service-2.json that botocore ships, not anything of this project.
"""

import copy
import re

import botocore.loaders

MODEL = botocore.loaders.Loader().load_service_model("mturk", "service-2")
SHAPES = MODEL["shapes"]
INTEGERS = {"integer": 2**31, "long": 2**63}

# Features of the real service that a marketplace need not offer; their members have cases of their own.
NOT_OFFERED = {"ReviewPolicy", "HITLayoutParameterList"}

# A valid value of each composite member, to be broken piece by piece.
SAMPLES = {
    "QualificationRequirementList": [
        {"QualificationTypeId": "00000000000000000071", "Comparator": "In",
         "LocaleValues": [{"Country": "US", "Subdivision": "CA"}], "ActionsGuarded": "Accept"}
    ],
}


def operation(name):
    return MODEL["operations"][name]


def shape_of(reference):
    return SHAPES[reference["shape"]]


def check_answer(name, status, body):
    """Everything in which an answer departs from the model."""
    problems = []
    if status == 200:
        check(operation(name)["output"]["shape"], body, name, problems)
        return problems
    kind = body.get("__type", "").rpartition("#")[2]
    members = {key: value for key, value in body.items() if key != "__type"}
    if not kind:
        problems.append("an error has no __type")
    elif kind in {error["shape"] for error in operation(name)["errors"]}:
        check(kind, members, kind, problems)
    elif set(members) - {"Message", "TurkErrorCode"} or not isinstance(members.get("Message"), str):
        problems.append(f"{kind} has other members than Message and TurkErrorCode: {members}")
    return problems


def check(shape_name, value, place, problems):
    shape = SHAPES[shape_name]
    kind = shape["type"]
    if kind == "structure":
        check_structure(shape, value, place, problems)
    elif kind == "list":
        if not isinstance(value, list):
            problems.append(f"{place} is not a list: {value!r}")
            return
        for number, item in enumerate(value):
            check(shape["member"]["shape"], item, f"{place}[{number}]", problems)
    else:
        problems.extend(f"{place} {problem}: {value!r}" for problem in scalar_problems(shape, value))


def check_structure(shape, value, place, problems):
    if not isinstance(value, dict):
        problems.append(f"{place} is not an object: {value!r}")
        return
    for name in shape.get("required", []):
        if name not in value:
            problems.append(f"{place}.{name} is required and missing")
    for name, member in value.items():
        if name not in shape["members"]:
            problems.append(f"{place}.{name} is not in the model")
        else:
            check(shape["members"][name]["shape"], member, f"{place}.{name}", problems)


def scalar_problems(shape, value):
    kind = shape["type"]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "string":
        if not isinstance(value, str):
            yield "is not a string"
        else:
            yield from text_problems(shape, value)
    elif kind in INTEGERS:
        if not isinstance(value, int) or not number or abs(value) > INTEGERS[kind]:
            yield f"is not a value of type {kind}"
        elif not shape.get("min", value) <= value <= shape.get("max", value):
            yield "is out of range"
    elif kind == "timestamp" and not number:
        yield "is not a number of seconds"
    elif kind == "boolean" and not isinstance(value, bool):
        yield "is not true or false"


def text_problems(shape, value):
    if "enum" in shape and value not in shape["enum"]:
        yield "is not in the enumeration"
    if "pattern" in shape and not re.search(shape["pattern"], value):
        yield f"does not match {shape['pattern']}"
    if not shape.get("min", 0) <= len(value) <= shape.get("max", len(value)):
        yield "has the wrong length"


def broken_inputs(name, good):
    """Copies of a good input, each breaking one constraint of the model, with what the service must say."""
    shape = shape_of(operation(name)["input"])
    good = copy.deepcopy(good)
    for member, reference in shape["members"].items():
        if member not in good and reference["shape"] in SAMPLES:
            good[member] = SAMPLES[reference["shape"]]
    found = list(break_structure(shape, good, ()))
    found += list(break_a_type(shape, good))
    return [{"rule": rule, "member": member, "kind": kind, "input": value, "says": says}
            for rule, member, kind, value, says in found]


def break_structure(shape, good, path):
    """The ways to break the structure at `path` of the good input, and what is in it."""
    for name in shape.get("required", []):
        yield violation("required", good, path + (name,), None)
    for name, reference in shape["members"].items():
        if reference["shape"] in NOT_OFFERED:
            continue
        yield from break_member(reference, good, path + (name,))


def break_member(reference, good, path):
    member = shape_of(reference)
    if member["type"] == "list":
        item = shape_of(member["member"])
        if item["type"] == "structure":
            yield from break_structure(item, good, path + (0,)) if look(good, path) else ()
            return
        for rule, value in bad_values(item):
            yield violation(rule, good, path, [value])
    elif member["type"] == "structure":
        yield from break_structure(member, good, path) if look(good, path) else ()
    else:
        for rule, value in bad_values(member):
            yield violation(rule, good, path, value)


def bad_values(shape):
    text = shape["type"] == "string"
    if "enum" in shape:
        yield "enumeration", "Sometimes"
    if "pattern" in shape:
        yield "pattern", "0.9752" if "." in shape["pattern"] else "bob"
    if "max" in shape:
        longest = "A" * (shape["max"] + 1)
        yield ("longest", longest) if text else ("greatest", shape["max"] + 1)
    if "min" in shape:
        yield ("shortest", "A" * (shape["min"] - 1)) if text else ("least", shape["min"] - 1)


def break_a_type(shape, good):
    """One member of another JSON type than the model's."""
    wrong = {"string": 5, "integer": "many", "long": "many", "boolean": "maybe"}
    for name, reference in shape["members"].items():
        kind = shape_of(reference)["type"]
        if kind in wrong:
            value = edited(good, (name,), wrong[kind])
            yield "another type", name, "SerializationException", value, name
            return


def violation(rule, good, path, value):
    names = [step for step in path if isinstance(step, str)]
    says = names[-1][0].lower() + names[-1][1:]
    return rule, ".".join(names), "ValidationException", edited(good, path, value), says


def look(value, path):
    for step in path:
        if isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            value = value.get(step)
        if value is None:
            return None
    return value


def edited(good, path, value):
    """The good input with another value at the path; none removes the member."""
    new = copy.deepcopy(good)
    parent = look(new, path[:-1])
    if value is None:
        parent.pop(path[-1], None)
    else:
        parent[path[-1]] = value
    return new
