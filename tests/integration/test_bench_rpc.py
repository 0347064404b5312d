from bench.rpc.suite import open_suite


async def test_every_row_is_measured_against_the_bare_server_over_real_sockets() -> None:
    async with open_suite() as measures:
        for measure in measures:
            (quantity,) = measure.quantities
            for take in (measure.take_baseline, measure.take):
                reading = await take()
                assert reading.values[quantity.name] > 0
                assert all(value > 0 for value in reading.observed.values())
    assert [measure.quantities[0].name for measure in measures] == ["unary_c1", "unary_c32", "stream_batched"]
