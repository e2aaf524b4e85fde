"""A requester's program that knows boto3 only: it reads notifications from a queue with boto3's own SQS client.

Arguments: the endpoint, and how many seconds notifications may take."""

import json
import sys
import time

import boto3
from botocore.config import Config

ENDPOINT, PATIENCE = sys.argv[1], float(sys.argv[2])
CONFIG = Config(proxies={})


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, config=CONFIG)


def refused(error, call, **members):
    try:
        call(**members)
    except error as refusal:
        return refusal.response["Error"]
    raise AssertionError(f"{error} was expected")


def events(message):
    return [event["EventType"] for event in json.loads(message["Body"])["Events"]]


def receive(queue, count, **more):
    """Messages as they come, until there are as many."""
    until, messages = time.monotonic() + PATIENCE, []
    while len(messages) < count and time.monotonic() < until:
        messages += sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5,
                                        **more).get("Messages", [])
    return messages


mturk, sqs = client("mturk"), client("sqs")
queue = sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
assert sqs.get_queue_url(QueueName="events")["QueueUrl"] == queue
missing = sqs.exceptions.QueueDoesNotExist
assert refused(missing, sqs.get_queue_url, QueueName="none")["Code"] == "AWS.SimpleQueueService.NonExistentQueue"

kind = mturk.create_hit_type(Title="A decision task", Description="Play a short game", Reward="1.00",
                             AssignmentDurationInSeconds=600)["HITTypeId"]
mturk.update_notification_settings(HITTypeId=kind, Active=True, Notification={
    "Destination": queue, "Transport": "SQS", "Version": "2014-08-15",
    "EventTypes": ["HITCreated", "HITExtended", "HITExpired"]})
question = """<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/\
ExternalQuestion.xsd"><ExternalURL>https://study.example/go</ExternalURL><FrameHeight>0</FrameHeight></ExternalQuestion>"""
hit = mturk.create_hit_with_hit_type(HITTypeId=kind, LifetimeInSeconds=3600, Question=question)["HIT"]["HITId"]
mturk.create_additional_assignments_for_hit(HITId=hit, NumberOfAdditionalAssignments=1)
mturk.update_expiration_for_hit(HITId=hit, ExpireAt=0)

messages = receive(queue, 3, AttributeNames=["All"])
assert sorted(sum(map(events, messages), [])) == ["HITCreated", "HITExpired", "HITExtended"], messages
first = messages[0]
told = json.loads(first["Body"])
assert told["Events"][0]["HITId"] == hit and told["EventDocId"], told
assert first["Attributes"]["ApproximateReceiveCount"] == "1", first

# A message that is shown again comes with another handle; the first one deletes nothing any more.
sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
[again] = receive(queue, 1)
assert again["MessageId"] == first["MessageId"] and again["ReceiptHandle"] != first["ReceiptHandle"]
sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
rest = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages[1:])]
gone = sqs.delete_message_batch(QueueUrl=queue, Entries=rest)
assert [entry["Id"] for entry in gone["Successful"]] == ["0", "1"] and not gone.get("Failed"), gone
twice = rest[:1] * 2
assert "NotDistinct" in refused(sqs.exceptions.BatchEntryIdsNotDistinct, sqs.delete_message_batch,
                                QueueUrl=queue, Entries=twice)["Code"]
assert "Empty" in refused(sqs.exceptions.EmptyBatchRequest, sqs.delete_message_batch, QueueUrl=queue,
                          Entries=[])["Code"]

# The same through boto3's objects.
found = boto3.resource("sqs", endpoint_url=ENDPOINT, config=CONFIG).get_queue_by_name(QueueName="events")
mturk.send_test_event_notification(TestEventType="Ping", Notification={
    "Destination": queue, "Transport": "SQS", "Version": "2014-08-15", "EventTypes": ["Ping"]})
[ping] = found.receive_messages(WaitTimeSeconds=20)
assert json.loads(ping.body)["Events"][0]["EventType"] == "Ping", ping.body
ping.delete()
left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
counts = (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"])
assert counts == ("0", "0"), left
sqs.delete_queue(QueueUrl=queue)
refused(missing, sqs.receive_message, QueueUrl=queue)
print("read")
