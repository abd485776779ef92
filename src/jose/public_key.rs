use super::algorithm::SignatureAlgorithm;

/// The public half of a key, as its parameters.
#[derive(Clone, Hash)]
pub(super) enum PublicKey {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The uncompressed point: 0x04, x, y.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519 {
        point: Vec<u8>,
    },
    /// Bound to one algorithm, by its length too.
    MlDsa {
        algorithm: SignatureAlgorithm,
        encoded: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl PublicKey {
    /// A point of the curve in its long form, at full length. Whether it is on the curve is not judged here.
    pub(super) fn uncompressed_point(curve: Curve, point: &[u8]) -> Option<Self> {
        let coordinates = point.strip_prefix(&[4])?;
        let whole = coordinates.len() == curve.coordinate_length().saturating_mul(2);
        whole.then(|| Self::Ec { curve, point: point.into() })
    }

    /// Whether type and curve go with the algorithm (RFC 7518 §3, RFC 8037 §3.1, RFC 9964 §3).
    pub(super) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as A;
        match self {
            Self::Rsa { .. } => {
                matches!(algorithm, A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512)
            }
            Self::Ec { curve: Curve::P256, .. } => algorithm == A::Es256,
            Self::Ec { curve: Curve::P384, .. } => algorithm == A::Es384,
            Self::Ec { curve: Curve::P521, .. } => algorithm == A::Es512,
            Self::Ed25519 { .. } => matches!(algorithm, A::EdDsa | A::Ed25519),
            Self::MlDsa { algorithm: own, .. } => algorithm == *own,
        }
    }
}

impl Curve {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    pub(super) fn coordinate_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}
