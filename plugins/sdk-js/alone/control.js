export function timeLeftMs() {
    return 0n;
}

export function canceled() {
    return false;
}
