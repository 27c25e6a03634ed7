//! ECDSA keys with a short secret number. `ssh-keygen` leaves its leading zeros out, and `ssh-key` takes fewer than 32
//! bytes for damage: one key of 256.

use russh::keys::PrivateKey;
use russh::keys::ssh_key::encoding::{Decode, Reader};
use russh::keys::ssh_key::private::{EcdsaKeypair, KeypairData};
use russh::keys::ssh_key::public::{EcdsaPublicKey, KeyData};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve};
use zeroize::Zeroizing;

/// Bytes of a secret number of the curve P-256: the other curves' are never as short.
const SIZE: usize = 32;

/// The two parts of a file (PROTOCOL.key of OpenSSH, section 1).
struct Parts {
    public: KeyData,
    /// Of the private key: encrypted, or not.
    private: Zeroizing<Vec<u8>>,
    /// What authenticates it, if its cipher does that.
    tag: Vec<u8>,
}

/// The key in a file that is not encrypted, if it is such a one.
pub(super) fn plain(file: &[u8]) -> Option<PrivateKey> {
    let parts = parts(file)?;
    read(&parts.private, &parts.public)
}

/// The key in a file of which `key` is what can be read without a passphrase.
pub(super) fn encrypted(file: &[u8], key: &PrivateKey, passphrase: &str) -> Option<PrivateKey> {
    if key.algorithm() != (Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }) {
        return None;
    }
    let mut parts = parts(file)?;
    let (secret, iv) = key.kdf().derive_key_and_iv(key.cipher(), passphrase).ok()?;
    let tag = key.cipher().has_tag().then(|| parts.tag.as_slice().try_into()).transpose().ok()?;
    key.cipher().decrypt(&secret, &iv, &mut parts.private, tag).ok()?;
    read(&parts.private, &parts.public)
}

fn parts(file: &[u8]) -> Option<Parts> {
    let reader = &mut file.strip_prefix(b"openssh-key-v1\0")?;
    for _name_of_cipher_and_kdf in 0..2 {
        String::decode(reader).ok()?;
    }
    let _kdf_options = Vec::<u8>::decode(reader).ok()?;
    let _keys = u32::decode(reader).ok()?;
    let public = Vec::<u8>::decode(reader).ok()?;
    let private = Zeroizing::new(Vec::<u8>::decode(reader).ok()?);
    Some(Parts { public: KeyData::decode(&mut public.as_slice()).ok()?, private, tag: reader.to_vec() })
}

/// What `ssh-key` would have read (PROTOCOL.key, section 3).
fn read(section: &[u8], public: &KeyData) -> Option<PrivateKey> {
    let reader = &mut &*section;
    if u32::decode(reader).ok()? != u32::decode(reader).ok()? {
        return None;
    }
    let (_algorithm, _curve) = (String::decode(reader).ok()?, String::decode(reader).ok()?);
    let EcdsaPublicKey::NistP256(point) = EcdsaPublicKey::from_sec1_bytes(&Vec::<u8>::decode(reader).ok()?).ok()?
    else {
        return None;
    };
    let number = Zeroizing::new(Vec::<u8>::decode(reader).ok()?);
    let comment = String::decode(reader).ok()?;
    if reader.remaining_len() >= 16 || *public != KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) {
        return None;
    }
    let mut whole = Zeroizing::new([0; SIZE]);
    whole.get_mut(SIZE.checked_sub(number.len())?..)?.copy_from_slice(&number);
    let pair = EcdsaKeypair::NistP256 { public: point, private: (*whole).into() };
    PrivateKey::new(KeypairData::Ecdsa(pair), comment).ok()
}
