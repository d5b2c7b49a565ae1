"""Say by MQTT who or what a camera sees: Frigate's snapshots, classified by a model of your own.

pip install paho-mqtt
python examples/frigate.py MODEL_ID BROKER

Frigate publishes a JPEG of each object it sees to frigate/CAMERA/OBJECT/snapshot; tell it to draw nothing into it, by
`mqtt: {bounding_box: false, timestamp: false}` of the camera. What the model says goes to kshot/CAMERA/OBJECT as JSON,
{"label": "our cat", "score": 0.97, "known": true}, for Home Assistant's MQTT sensors and whatever else listens.
"""

import sys

from paho.mqtt.client import CallbackAPIVersion, MQTTMessage
from paho.mqtt.client import Client as Broker

from kshot import Client, ClientError

SNAPSHOTS = "frigate/+/+/snapshot"
model_id, host = sys.argv[1:]
kshot, broker = Client(), Broker(CallbackAPIVersion.VERSION2)


def connected(*_: object) -> None:
    """Subscribe, again after a lost connection."""
    broker.subscribe(SNAPSHOTS)


def subscribed(*_: object) -> None:
    """Say so."""
    print(f"Listening to {SNAPSHOTS}", flush=True)


def seen(_: Broker, __: object, snapshot: MQTTMessage) -> None:
    """Classify a snapshot, and publish what it shows."""
    _, camera, thing, _ = snapshot.topic.split("/")
    try:
        (said,) = kshot.predict(model_id, [bytes(snapshot.payload)]).predictions
    except ClientError as error:
        print(f"{snapshot.topic}: {error}", file=sys.stderr, flush=True)
    else:
        broker.publish(f"kshot/{camera}/{thing}", said.model_dump_json(include={"label", "score", "known"}))


broker.on_connect, broker.on_subscribe, broker.on_message = connected, subscribed, seen
broker.connect(host.partition(":")[0], int(host.partition(":")[2] or 1883))
broker.loop_forever()
