from models import Customer


async def test_name(session):
    customer = Customer(name="Ada")
    session.add(customer)
    await session.commit()
    assert customer.name == "Ada"
