from fastapi import FastAPI
from starlette.testclient import TestClient

app = FastAPI()


@app.get("/")
async def wait_for_the_gate() -> None:
    await app.state.gate.wait()


async def test_page(gate):
    app.state.gate = gate
    TestClient(app).get("/")
