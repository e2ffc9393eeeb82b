"""A server of your own: any client of the hosted API can talk to it.

python examples/serve.py
"""

import uvicorn

from duologue.protocol import SessionDefaults
from duologue.server import RealtimeApp

app = RealtimeApp(defaults=SessionDefaults(instructions="Be brief.", silence_duration_ms=400))

if __name__ == "__main__":
    uvicorn.run(app, port=8000, ws="websockets-sansio")
