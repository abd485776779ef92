"""An authorization server of django-oauth-toolkit for the test, on loopback only:  python dot.py --state DIR [--port N]

Once it answers, it prints one line:  READY {"issuer": "http://127.0.0.1:..."}
It ends when its standard input does, so that it cannot outlive the test that started it. Whatever ends it, another one
with the same directory and port knows the same clients and tokens. Its tokens are opaque; there is no OpenID Connect,
so there are no keys and no `jwks_uri`.
"""

import argparse
import json
import os
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

parser = argparse.ArgumentParser()
parser.add_argument("--state", type=Path, required=True)
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()
options.state.mkdir(parents=True, exist_ok=True)

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": options.state / "dot.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    OAUTH2_PROVIDER={"SCOPES": {"api:read": "Read", "api:write": "Write"}, "ACCESS_TOKEN_EXPIRE_SECONDS": 3600},
    # One cheap round: a secret is checked at every introspection.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for this test",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402  Django has to be set up before.
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402

# At the root, so that the issuer is the origin and its metadata is where RFC 8414 wants it.
urlpatterns = [path("", include("oauth2_provider.urls", namespace="oauth2_provider"))]

call_command("migrate", verbosity=0, interactive=False)
# `svc` gets tokens; `rs` asks what they are worth.
for client in ["svc", "rs"]:
    get_application_model().objects.get_or_create(
        client_id=client,
        defaults={
            "authorization_grant_type": "client-credentials",
            "client_secret": "a-secret-that-only-this-test-knows",
            "client_type": "confidential",
        },
    )


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # The default is 5: whoever connects beyond that waits for a second.
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        """Says nothing: one line per request would bury the rest."""


def end_with_standard_input():
    sys.stdin.read()
    os._exit(0)


server = make_server("127.0.0.1", options.port, get_wsgi_application(), Server, Handler)
threading.Thread(target=end_with_standard_input, daemon=True).start()
print("READY", json.dumps({"issuer": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
