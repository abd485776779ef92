// A real OpenID provider for the test, on loopback only:  node provider.mjs --state DIR [--port N] [--tls-port N]
//
// Once it answers, it prints one line:  READY {"issuer":"http://127.0.0.1:...","admin":"http://127.0.0.1:..."}
// It ends when its standard input does, so that it cannot outlive the test that started it. Whatever ends it, another
// one with the same directory and port knows the same keys, clients and tokens.
//
// If the directory has `server.pem`, `server.key` and `client.pem`, it listens for TLS as well ("tls" in the line),
// and knows the client of that certificate.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { parseArgs } from 'node:util';
import { Provider } from 'oidc-provider';
import { SIGN_IN, clients } from './clients.mjs';
import { Store, adapter } from './store.mjs';

const port = { type: 'string', default: '0' };
const { values: options } = parseArgs({ options: { state: { type: 'string' }, port, 'tls-port': port } });
const store = new Store(options.state);
const tokens = adapter(store);

// The provider announces its development defaults with console.info; standard output is for READY alone.
console.info = console.error;

// ---- What it issues

// The `resource` parameter (RFC 8707) says which token is wanted: its origin becomes the audience, its path names
// the algorithm and, if need be, the lifetime in seconds: https://api.test/ES256, https://api.test/RS256/2. Or the
// path says `opaque`: https://api.test/opaque/2.
function resourceServer(resource) {
  const { origin, pathname } = new URL(resource);
  const [, alg, lifetime = '3600'] = pathname.split('/');
  const server = { audience: origin, scope: 'api:read api:write', accessTokenTTL: Number(lifetime) };
  return alg === 'opaque'
    ? { ...server, accessTokenFormat: 'opaque' }
    : { ...server, accessTokenFormat: 'jwt', jwt: { sign: { alg } } }; // as RFC 9068 wants it, `typ: at+jwt` included
}

// Without `alg`, so that one RSA key signs RS* and PS*, and one Ed25519 key both `EdDSA` and `Ed25519`. The
// provider takes the thumbprint for the missing `kid`: no two generations share one.
function newKeys() {
  const curves = ['P-256', 'P-384', 'P-521'].map((namedCurve) => ['ec', { namedCurve }]);
  return [['rsa', { modulusLength: 2048 }], ...curves, ['ed25519']].map(([type, parameters]) => ({
    ...generateKeyPairSync(type, parameters).privateKey.export({ format: 'jwk' }),
    use: 'sig',
  }));
}

// A user's tokens, refresh token included, without a browser: `user`, `resource` and `scope` say what was consented to.
async function signIn({ oidc: { provider, client, params } }, respond) {
  const { user: accountId, resource, scope } = params;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addResourceScope(resource, scope);
  const common = { accountId, client, scope, gty: 'sign-in', grantId: await grant.save() };
  const access = new provider.AccessToken({
    ...common,
    resourceServer: new provider.ResourceServer(resource, resourceServer(resource)),
  });
  const refresh = new provider.RefreshToken({ ...common, resource });
  respond({ access_token: await access.save(), refresh_token: await refresh.save(), token_type: 'Bearer' });
}

// Keys cannot be changed while a provider runs, so a rotation builds another one at the same address, with the same
// clients and tokens.
function newProvider() {
  const provider = new Provider(addresses.issuer, {
    adapter: tokens,
    clients: clients(store),
    jwks: { keys: store.remember('keys.json', newKeys) },
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      ...(addresses.tls ? ['self_signed_tls_client_auth'] : []),
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      jwtIntrospection: { enabled: true },
      mTLS: {
        enabled: Boolean(addresses.tls),
        selfSignedTlsClientAuth: true,
        getCertificate: ({ socket }) => socket.getPeerX509Certificate?.(),
      },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => resourceServer(resource) },
      revocation: { enabled: true },
    },
    // RFC 8705 §5
    discovery: addresses.tls && {
      mtls_endpoint_aliases: { introspection_endpoint: `${addresses.tls}/token/introspection` },
    },
    extraTokenClaims: () => ({ roles: ['service'] }),
    // Refresh tokens are looked up only if some client may use them.
    issueRefreshToken: () => true,
  });
  provider.registerGrantType(
    SIGN_IN,
    (context) => signIn(context, (body) => { context.body = body; }),
    ['user', 'resource', 'scope'],
  );
  provider.on('server_error', (_, error) => console.error(error));
  return provider.callback();
}

// ---- Where it listens

const path = (request) => request.url.split('?')[0];

async function listen(server, port = '0') {
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), '127.0.0.1', resolve);
  });
  return `127.0.0.1:${server.address().port}`;
}

const hits = {};
// Set below: a provider has to know its address, which is not known before it listens.
let answer = (_, response) => response.writeHead(503).end();
function serve(request, response) {
  hits[path(request)] = (hits[path(request)] ?? 0) + 1;
  answer(request, response);
}

const addresses = { issuer: `http://${await listen(createServer(serve), options.port)}` };
const [cert, key] = ['server.pem', 'server.key'].map((file) => store.read(file));
if (cert) {
  // Any certificate may be shown: who it belongs to is the provider's business.
  const server = createTlsServer({ cert, key, requestCert: true, rejectUnauthorized: false }, serve);
  addresses.tls = `https://${await listen(server, options['tls-port'])}`;
}
answer = newProvider();

const admin = createServer((request, response) => {
  switch (`${request.method} ${path(request)}`) {
    case 'GET /hits': // how often each path of the issuer was asked for
      response.end(JSON.stringify(hits));
      break;
    case 'POST /rotate': // every key is replaced at once, unannounced: the worst that an operator can do
      store.write('keys.json', JSON.stringify(newKeys()));
      answer = newProvider();
      response.end('{}');
      break;
    default:
      response.writeHead(404).end();
  }
});
addresses.admin = `http://${await listen(admin)}`;

process.stdin.on('end', () => process.exit()).resume();
console.log(`READY ${JSON.stringify(addresses)}`);
