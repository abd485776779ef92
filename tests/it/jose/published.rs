//! Keys that RFCs print, private halves included, and an independent signer that uses them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use portcullis::SignatureAlgorithm::{self, Ed25519, EdDsa, Es256, Es384, Rs256};
use serde_json::{Value, json};

use super::{CLAIMS, decode, encode};

/// A private key that an RFC prints, with the signature that the RFC makes with it.
pub(crate) struct Published {
    pub(super) algorithm: SignatureAlgorithm,
    pub(crate) jwk: &'static [(&'static str, &'static str)],
    signing_input: &'static str,
    signature: &'static str,
}

impl Published {
    /// The public half, without `kid` and `alg`.
    pub(crate) fn public_jwk(&self) -> Value {
        let public = |member: &&(&str, &str)| ["kty", "crv", "n", "e", "x", "y"].contains(&member.0);
        self.jwk.iter().filter(public).map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }

    pub(crate) fn octets(&self, name: &str) -> Vec<u8> {
        let member = self.jwk.iter().find(|member| member.0 == name);
        decode(member.map_or("", |member| member.1))
    }

    pub(super) fn rsa_public_der(&self) -> Vec<u8> {
        der(0x30, &["n", "e"].map(|name| der_integer(&self.octets(name))).concat())
    }

    pub(super) fn rsa_spki(&self) -> Vec<u8> {
        let oid_and_null = [0x30, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0];
        der(0x30, &[&oid_and_null[..], &der(3, &[&[0], &*self.rsa_public_der()].concat())].concat())
    }

    fn ecdsa(&self) -> EcdsaKeyPair {
        let scheme = match self.algorithm {
            Es256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Es384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        };
        EcdsaKeyPair::from_private_key_and_public_key(scheme, &self.octets("d"), &self.point()).unwrap()
    }

    pub(super) fn point(&self) -> Vec<u8> {
        [vec![4], self.octets("x"), self.octets("y")].concat()
    }

    fn encoding_key(&self) -> EncodingKey {
        match self.algorithm {
            Rs256 => {
                let members = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
                let members = members.map(|name| der_integer(&self.octets(name))).concat();
                EncodingKey::from_rsa_der(&der(0x30, &[der(2, &[0]), members].concat()))
            }
            EdDsa => {
                let (seed, public) = (self.octets("d"), self.octets("x"));
                let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public).unwrap();
                EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref())
            }
            _ => EncodingKey::from_ec_der(self.ecdsa().to_pkcs8v1().unwrap().as_ref()),
        }
    }

    /// Signs with `jsonwebtoken`; with the crypto library itself what that does not know.
    fn sign(&self, algorithm: SignatureAlgorithm, input: &str) -> String {
        let name = if algorithm == Ed25519 { "EdDSA" } else { algorithm.name() };
        match name.parse() {
            Ok(algorithm) => crypto::sign(input.as_bytes(), &self.encoding_key(), algorithm).unwrap(),
            Err(_) => encode(self.ecdsa().sign(&SystemRandom::new(), input.as_bytes()).unwrap()),
        }
    }

    /// What the oracle says to the published signature.
    pub(super) fn verifies(&self) -> bool {
        match self.algorithm.name().parse() {
            Ok(algorithm) => {
                let key = DecodingKey::from_jwk(&serde_json::from_value(self.public_jwk()).unwrap()).unwrap();
                crypto::verify(self.signature, self.signing_input.as_bytes(), &key, algorithm).unwrap()
            }
            Err(_) => UnparsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, self.point())
                .verify(self.signing_input.as_bytes(), &decode(self.signature))
                .is_ok(),
        }
    }

    /// A token of these texts, signed as it stands.
    pub(crate) fn token(&self, algorithm: SignatureAlgorithm, input: &str) -> String {
        format!("{input}.{}", self.sign(algorithm, input))
    }

    /// A right token with a header of just `alg` and `typ`.
    pub(crate) fn right_token(&self, algorithm: SignatureAlgorithm) -> String {
        let header = json!({ "alg": algorithm.name(), "typ": "at+jwt" }).to_string();
        self.token(algorithm, &format!("{}.{}", encode(header), encode(CLAIMS)))
    }
}

/// RFC 7468.
pub(super) fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let lines: Vec<u8> =
        STANDARD.encode(der).as_bytes().chunks(64).flat_map(|line| [line, b"\n"].concat()).collect();
    [format!("-----BEGIN {label}-----\n").as_bytes(), &lines, format!("-----END {label}-----\n").as_bytes()]
        .concat()
}

pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let length = if high > 0 { vec![0x82, high, low] } else { vec![0x81, low] };
    let length = if high == 0 && low < 128 { vec![low] } else { length };
    [&[tag], &*length, content].concat()
}

pub(super) fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let magnitude: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign: &[u8] = if magnitude.first().is_some_and(|first| *first < 128) { &[] } else { &[0] };
    der(2, &[sign, &*magnitude].concat())
}

/// RFC 7515 appendix A.2.
pub(crate) static RFC_7515_A2: Published = Published {
    algorithm: SignatureAlgorithm::Rs256,
    jwk: &[
        ("kty", "RSA"),
        (
            "n",
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
                m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
                z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
                aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        ),
        ("e", "AQAB"),
        (
            "d",
            "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2N\
                XOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M\
                _V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x\
                _jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
        ),
        (
            "p",
            "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py\
                5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
        ),
        (
            "q",
            "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQ\
                eZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
        ),
        (
            "dp",
            "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu\
                 1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
        ),
        (
            "dq",
            "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0a\
                 jaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
        ),
        (
            "qi",
            "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY\
                 7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
        ),
    ],
    signing_input: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
                     mNvbS9pc19yb290Ijp0cnVlfQ",
    signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
                 p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB\
                 MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY\
                 I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
};

/// RFC 7515 appendix A.3.
pub(crate) static RFC_7515_A3: Published = Published {
    algorithm: SignatureAlgorithm::Es256,
    jwk: &[
        ("kty", "EC"),
        ("crv", "P-256"),
        ("x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        ("y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        ("d", "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"),
    ],
    signing_input: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL\
                     mNvbS9pc19yb290Ijp0cnVlfQ",
    signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
};

/// RFC 6979 appendix A.2.6, with SHA-384 and the message "sample".
pub(crate) static RFC_6979_P384: Published = Published {
    algorithm: SignatureAlgorithm::Es384,
    jwk: &[
        ("kty", "EC"),
        ("crv", "P-384"),
        ("x", "7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT"),
        ("y", "gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg"),
        ("d", "a509rS4bjBwFsZh1tmWfTeI8O2Z78pe6mqR3QHhxN9iW1XJOTHCoJfhyyepg0u31"),
    ],
    signing_input: "sample",
    signature: "lO27kqXsuKrUc25WxpGRaz-IFAZmzp-nPWTE6pWtEzyBpkgVLkSs-W423R6A-r5Gme9K6xXxeM6h_kDbJgMTjxMOdA\
                 oZYkUmIDtjUdCjqU-jKcFFeG5nnnuCxxo4YorI",
};

/// RFC 7515 appendix A.4.
pub(crate) static RFC_7515_A4: Published = Published {
    algorithm: SignatureAlgorithm::Es512,
    jwk: &[
        ("kty", "EC"),
        ("crv", "P-521"),
        ("x", "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk"),
        ("y", "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"),
        ("d", "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C"),
    ],
    signing_input: "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
    signature: "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG\
                 8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
};

/// RFC 8037 appendix A.
pub(crate) static RFC_8037_A4: Published = Published {
    algorithm: SignatureAlgorithm::EdDsa,
    jwk: &[
        ("kty", "OKP"),
        ("crv", "Ed25519"),
        ("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"),
        ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
    ],
    signing_input: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    signature: "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
};

/// PS256 signatures over [`Published::right_token`] of [`RFC_7515_A2`], as no conforming signer makes them.
pub(super) const WRONG_PS256: [(&str, &str); 4] = [
    (
        "no salt",
        "CTDaxl18DqqsjYEwhH-Tes9K4-sqpY3_97VjhioiC1RaWtZBgYVofKcdzzFhLblP6aGazOWAguWtrhRgZKOl6H9JXJZLIsab\
         ylzyacQ5Zyrfu2M4jTNM-Xsmf5WlP1sUtIr4nFPo1BJN8slndLL1GaRdEj0clMmeWRaNYRxGISLc_I9fh2tYnGCRteBUlwz2\
         UetQbqrApz5FocCO-rq4Tvllksc11uIUY_u6xJTFYjddKb2wz9i6HXrEYXR9SnmV9YOM0g_ybloKmyHaWHpPse1yKyx3VrYQ\
         zqdYCT_bl36ICuUfpKjpZ_DUjkIHhc8FEBk_3BTUvsYo5MvuDboWIA",
    ),
    (
        "20 octets of salt",
        "Glx-VSZraCgkB_iiQUBEFvEDv9Z2--0M1cVi7DihqUYzcvBlIfqDIleWai26Jz1uAXoU2Zr3U2OqmyOD5W8r7RQYL2qUHkK6\
         pug1TLm3IaYt-h0-qX73YBKtBQ3T_XnPB_DFxlXuLi-YCI94hHVl8u4onbB7cGZaaSrwm4ouo65GfOExvbdanrOoGz2F3V5q\
         lRT2_tF5pIpx24hqHzZbHPhUJKiAQeVyrf3ZSfm-T-uT85fgdxWs1E43yehvsmmUzhcZAAPIQQWFB_Kw7Yc6upTwDykvqbY_\
         DYkQwqBjvawtTD507hjrXwRb5k-vfHgLRpWt0dv8o4bUgE-jdZCb2w",
    ),
    (
        "as much salt as fits",
        "TGGeCu140hoE8tpHfT5Fn4HU_x1TWd53yzpE4ckHXPwtUwb9_3k26Nf3IshGeXfA4JRJPG00q6eyoIiPLk994xRWGKUfW88X\
         H8-NshVICOMGpu-lmpfWp38yauvf7Vu74v5ad_v-GB_9IFjViKtxcOERYW24uX9bURCHp3UwrABX0BonAJ1Zspo9jXckjkbI\
         RT6gdWnn2gQfi5r7X3EP_NseYs7AOIwDApJSTHNYWcl-8PrNbtGsCT5SS1k5vPfoYXgsjAaQYmqXPEeVXTSTpd-gFfqTUN9d\
         WuSHrLq1wx2PlQrNS8aSgwp_XfV1z7-vDMnS_egbU0cPZQdOyNBmhQ",
    ),
    (
        "32 octets of salt, MGF1 with SHA-1",
        "kDnFYRcwXZqrKT1tJSTz1CHK9AhM_3psuiKP-s9cWcgF5xf0Hmnse0j0RKGx82XwWAIJ0Cby6TwB5ndXSNpTOLQ03axE4IWd\
         f9UOivC5mOWfBuN5ODQvJgMpGH9lQkosaLOIY2yrM24qzTVVMIjqbX4XcuB4MeX7iRLSOSFg6peUsPQnbYeFucu0wi7yyHWe\
         dXAeIpey6klBdeBUFG7rDnAs0DYvlB6N5b4L8phbvMIGKVT5qZxHur8AshIqODvcK-D-cx_51blwiae4A5JEfCtmYun_7cj2\
         adRlYqXeBxfsbgOa6ET0npruQg2LJiKf1HvguRmwkms4SZNGU6-bUA",
    ),
];
