// The clients that the provider knows. Their secrets are none: all of this is on loopback.
import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

const client_secret = 'a-secret-that-only-this-test-knows';

function client(client_id, token_endpoint_auth_method, more) {
  const secret = token_endpoint_auth_method.startsWith('client_secret') && { client_secret };
  const none = { grant_types: [], response_types: [], redirect_uris: [] };
  return { client_id, token_endpoint_auth_method, ...secret, ...none, ...more };
}

export const SIGN_IN = 'urn:test:sign-in'; // see `provider.mjs`

// `svc` gets tokens. The others ask what a token is worth, and each says in another way who it is.
export function clients(store) {
  const known = [
    client('svc', 'client_secret_basic', { grant_types: ['client_credentials', 'refresh_token', SIGN_IN] }),
    client('rs', 'client_secret_basic'),
    client('rs-post', 'client_secret_post'),
    // RFC 6749 §2.3.1: both are form-encoded before they are joined by the colon.
    client('rs:odd id+%2F', 'client_secret_basic', { client_secret: 'an odd:secret +%41&=/ of this test only' }),
    client('rs-pkjwt', 'private_key_jwt', { jwks: { keys: [callerKey(store)] } }),
    // RFC 9701. The others get the provider's default, RS256, if they ask for a signed answer.
    client('rs-jwt', 'client_secret_basic', { introspection_signed_response_alg: 'ES256' }),
  ];
  const certificate = store.read('client.pem');
  if (certificate) {
    known.push(client('rs-mtls', 'self_signed_tls_client_auth', { jwks: { keys: [certified(certificate)] } }));
  }
  return known;
}

// The private half is for the caller: `rs-pkjwt.pem`, in PKCS #8.
function callerKey(store) {
  if (!store.read('rs-pkjwt.pem')) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    store.write('rs-pkjwt.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }));
  }
  const key = createPublicKey(createPrivateKey(store.read('rs-pkjwt.pem')));
  return { ...key.export({ format: 'jwk' }), kid: 'rs-pkjwt-1', use: 'sig', alg: 'ES256' };
}

// RFC 8705 §2.2: the certificate is registered as a key.
function certified(pem) {
  const certificate = new X509Certificate(pem);
  return { ...certificate.publicKey.export({ format: 'jwk' }), use: 'sig', x5c: [certificate.raw.toString('base64')] };
}
