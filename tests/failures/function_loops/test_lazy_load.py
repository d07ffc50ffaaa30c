from models import Customer


async def test_orders(session):
    customer = Customer(name="Ada")
    session.add(customer)
    await session.flush()
    assert customer.orders == []
