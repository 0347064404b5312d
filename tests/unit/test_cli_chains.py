import pytest
from rookery.orchestrator.v1 import mailbox_pb2, message_pb2
from rookery_cli.chains import acting
from rookery_cli.mail_documents import record_document
from rookery_sdk.messages import Message

SENT = message_pb2.Message(id="m", sender="user:a", delegates=["agent:c", "agent:b"])


def test_who_acts_comes_before_whom_it_acts_for() -> None:
    assert acting([], "user:a") == "user:a"
    assert acting(["agent:c", "agent:b"], "user:a") == "agent:c for agent:b for user:a"


@pytest.mark.capability("A11")
def test_a_listed_message_and_one_at_its_handler_name_who_acted() -> None:
    document = record_document(mailbox_pb2.MessageRecord(message=SENT))
    assert (document["sender"], document["delegates"]) == ("user:a", ["agent:c", "agent:b"])
    message = Message.of(SENT, attempt=1)
    assert (message.sender, message.delegates) == ("user:a", ("agent:c", "agent:b"))
