"""Calls through the pipeline of a service beside calls to a bare grpc.aio server."""
