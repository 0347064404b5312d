from protovalidate import Validator
from rookery.auth.v1 import token_service_pb2
from rookery_kit.rpc.validation import RequestReader

REQUEST_ID = "0199A1B2-0000-7000-8000-00000000000F"


def test_a_request_id_in_capitals_is_the_same_as_in_small_letters() -> None:
    read = RequestReader(token_service_pb2.IssueTokenRequest, max_bytes=1000, validator=Validator())
    capitals, small = (
        token_service_pb2.IssueTokenRequest(request_id=request_id, api_key="rkk_X")
        for request_id in (REQUEST_ID, REQUEST_ID.lower())
    )
    assert read(capitals.SerializeToString()) == read(small.SerializeToString()) == small
