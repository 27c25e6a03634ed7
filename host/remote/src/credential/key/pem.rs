//! PEM encrypted in OpenSSL's old way: `Proc-Type` and `DEK-Info` before the base64 (RFC 1421), and a
//! key that one round of MD5 makes of the passphrase (`EVP_BytesToKey`).

use super::{bad, damaged, missing_passphrase, wrong_passphrase};
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::Decryptor;
use des::TdesEde3;
use hostler_model::{Failure, Secret};
use zeroize::Zeroizing;

/// The same key without encryption. Takes PEM of `label`, its lines trimmed. Errors: `bad-key`.
pub(super) fn decrypt(text: &str, label: &str, passphrase: Option<&Secret>) -> Result<Zeroizing<String>, Failure> {
    let passphrase = passphrase.ok_or_else(missing_passphrase)?.expose().as_bytes();
    let (cipher, iv) = text.lines().find_map(parameters).ok_or_else(damaged)?;
    let mut body = Zeroizing::new(String::with_capacity(text.len()));
    let block = text.lines().skip_while(|line| !line.starts_with("-----BEGIN ") || !line.contains(label)).skip(1);
    let lines = block.take_while(|line| !line.starts_with("-----"));
    lines.filter(|line| !line.contains(':')).for_each(|line| body.push_str(line));
    let mut data = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|error| damaged().with_detail(error))?);
    let size = match cipher {
        "AES-128-CBC" => open::<Aes128>(&derive::<16>(passphrase, &iv), &iv, &mut data),
        "AES-192-CBC" => open::<Aes192>(&derive::<24>(passphrase, &iv), &iv, &mut data),
        "AES-256-CBC" => open::<Aes256>(&derive::<32>(passphrase, &iv), &iv, &mut data),
        "DES-EDE3-CBC" => open::<TdesEde3>(&derive::<24>(passphrase, &iv), &iv, &mut data),
        _ => return Err(bad("The private key is encrypted in an outdated way: convert it by `ssh-keygen -p -f KEY`.")),
    };
    let plain = data.get(..size?).ok_or_else(damaged)?;
    let body = Zeroizing::new(STANDARD.encode(plain));
    Ok(Zeroizing::new(["-----BEGIN ", label, "-----\n", body.as_str(), "\n-----END ", label, "-----\n"].concat()))
}

/// `DEK-Info: CIPHER,IV`.
fn parameters(line: &str) -> Option<(&str, Vec<u8>)> {
    let (cipher, iv) = line.strip_prefix("DEK-Info:")?.trim().split_once(',')?;
    let byte = |at| u8::from_str_radix(iv.get(at..at + 2)?, 16).ok();
    Some((cipher, (0..iv.len()).step_by(2).map(byte).collect::<Option<_>>()?))
}

/// A key of `N` bytes. The salt is the start of the initialisation vector.
fn derive<const N: usize>(passphrase: &[u8], iv: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(N + 16));
    while key.len() < N {
        let mut md5 = md5::Context::new();
        md5.consume(&key[key.len().saturating_sub(16)..]);
        md5.consume(passphrase);
        md5.consume(&iv[..iv.len().min(8)]);
        key.extend_from_slice(&md5.finalize().0);
    }
    key.truncate(N);
    key
}

/// Decrypts in place and answers how many bytes there are without the padding.
fn open<C: BlockCipherDecrypt>(key: &[u8], iv: &[u8], data: &mut [u8]) -> Result<usize, Failure>
where
    Decryptor<C>: KeyIvInit + BlockModeDecrypt,
{
    let cipher = Decryptor::<C>::new_from_slices(key, iv).map_err(|error| damaged().with_detail(error))?;
    let plain = cipher.decrypt_padded::<Pkcs7>(data).map_err(|error| wrong_passphrase().with_detail(error))?;
    Ok(plain.len())
}
