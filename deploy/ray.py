"""kshot on Ray Serve: replicas that Ray starts, watches and scales, on one machine or many.

    pip install 'kshot[ray]'
    KSHOT_STORE=s3://bucket/models KSHOT_KEYS=/etc/kshot/keys.json serve run deploy.ray:app max_replicas=8

Run it in the folder that holds `deploy`, not in `deploy` itself, where this file would take the place of Ray's package.
docs/operating.md, Ray Serve, has the rest.
"""

from app.server.ray_serve import app

__all__ = ["app"]
