# Makes in $1: a root, a production authority below it and members' certificates, as ARRL's are; a stranger's own; and
# server certificates of an operator. What only a test would make is done by the program of everybody: openssl.
set -eu
mkdir -p "$1"
cd "$1"
subject() { printf '/O=Lab/CN=%s' "$1"; }
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
# issue NAME ISSUER EXTENSIONS [DATES…]
issue() {
    name=$1 issuer=$2 extensions=$3
    shift 3
    key "$name"
    openssl req -new -key "$name.key" -subj "$(subject "$name")" -out "$name.csr"
    printf '%b' "$extensions" >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -CAcreateserial -extfile "$name.ext" \
        -out "$name.pem" "${@:--days=90}" 2>/dev/null
}
# own NAME EXTENSION…: signed by itself
own() {
    name=$1
    shift
    key "$name"
    openssl req -x509 -new -key "$name.key" -subj "$(subject "$name")" -days 90 -out "$name.pem" "$@"
}
authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
member='basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n'
server() { printf 'basicConstraints=CA:FALSE\\nextendedKeyUsage=serverAuth\\nsubjectAltName=%s\\n' "$1"; }
dates='-not_before=20200101000000Z -not_after=20210101000000Z'

own root
issue production root "$authority"
issue member production "$member"
# shellcheck disable=SC2086  # two words
issue expired production "$member" $dates
own stranger
issue edge root "$(server 'DNS:hams.test,DNS:*.hams.test')"
cat production.pem >>member.pem
cat production.pem >>expired.pem
issue narrow root "$(server 'DNS:hams.test')"
# shellcheck disable=SC2086
issue old root "$(server 'DNS:hams.test,DNS:*.hams.test')" $dates
