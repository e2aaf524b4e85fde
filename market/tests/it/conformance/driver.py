"""boto3 at the command of a test: one JSON request a line on stdin, one JSON answer a line on stdout."""

import functools
import json
import sys

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

import model

SESSION = boto3.session.Session()


@functools.lru_cache(maxsize=64)
def client(endpoint, key, secret, region, signed, checked):
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        parameter_validation=checked,
        signature_version=None if signed else botocore.UNSIGNED,
        proxies={},
    )
    made = SESSION.client("mturk", region_name=region, endpoint_url=endpoint, config=config,
                          aws_access_key_id=key, aws_secret_access_key=secret)
    made.meta.events.register("response-received.mturk", remember)
    return made


LAST = {}


def remember(response_dict, **_):
    LAST.clear()
    LAST.update(status=response_dict["status_code"], body=response_dict["body"].decode(),
                content_type=response_dict["headers"].get("content-type"))


def call(request):
    """What the service answered, as it came and as boto3 understood it."""
    LAST.clear()
    heard = {"past_checks": False, "error": None, "lost": []}
    try:
        parsed = send(request, True)
    except ParamValidationError:
        heard["past_checks"] = True
        try:
            parsed = send(request, False)
        except ClientError as error:
            parsed = error
    except ClientError as error:
        parsed = error
    heard.update(LAST)
    if isinstance(parsed, ClientError):
        told = parsed.response
        heard["error"] = {"kind": told["Error"]["Code"], "message": told["Error"]["Message"],
                          "code": told.get("TurkErrorCode"), "modelled": type(parsed).__name__}
        parsed = told
    heard["request_id"] = parsed["ResponseMetadata"].get("RequestId")
    if not heard["error"]:
        heard["lost"] = list(lost(json.loads(LAST["body"]), parsed, "answer"))
    return heard


def send(request, checked):
    made = client(request["endpoint"], request["key"], request["secret"], request["region"],
                  request["signed"], checked)
    method = botocore.xform_name(request["operation"])
    return getattr(made, method)(**request["input"])


def lost(raw, parsed, place):
    """What came over the wire and is not in what boto3 made of it."""
    if isinstance(raw, dict):
        for name, value in raw.items():
            if name not in parsed:
                yield f"{place}.{name}"
            else:
                yield from lost(value, parsed[name], f"{place}.{name}")
    elif isinstance(raw, list):
        if len(raw) != len(parsed):
            yield place
        for number, pair in enumerate(zip(raw, parsed)):
            yield from lost(*pair, f"{place}[{number}]")
    elif isinstance(raw, str) and raw != parsed:
        yield place


def answer(request):
    if request["do"] == "call":
        return call(request)
    if request["do"] == "check":
        return model.check_answer(request["operation"], request["status"], json.loads(request["body"]))
    if request["do"] == "break":
        return model.broken_inputs(request["operation"], request["input"])
    return {"boto3": boto3.__version__, "botocore": botocore.__version__,
            "operations": sorted(model.MODEL["operations"])}


def main():
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), default=str), flush=True)


main()
