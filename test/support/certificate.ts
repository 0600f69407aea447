/** A certificate that nobody has signed, for `localhost`, and its key: of no use but to be refused. */
export const SELF_SIGNED = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTy4teF2G2gEUs/kb
5I05wNba3VJUi3HLoVaKukyYoVyhRANCAATy6JnC8k8u+OWzynNxg/BiIokpSsg4
ICJZEJR5ift9rvGftsrtnJbxIVG8oKl4UD7sbclWMzpxg2wJ2H0D4afQ
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUNfm9D3+n3B5S022YbtBxfBp41dswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEwNTgzNFoYDzIxMjYxMDI5
MTA1ODM0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATy6JnC8k8u+OWzynNxg/BiIokpSsg4ICJZEJR5ift9rvGftsrtnJbx
IVG8oKl4UD7sbclWMzpxg2wJ2H0D4afQo2kwZzAdBgNVHQ4EFgQUmCvYmnaRhdmB
BV+P6deH0vymep0wHwYDVR0jBBgwFoAUmCvYmnaRhdmBBV+P6deH0vymep0wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIga2nrPp6ZmYOkWK9m/hXkJ6RlrmF2n+U4mE/gou7UZmQCIQCM20EudGkS
FXNWcnTkjcalLFZ7PdnV7fSGer7avkfsew==
-----END CERTIFICATE-----
`,
}
