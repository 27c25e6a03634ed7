export function log(level, message) {
    process.stderr.write(`${level}: ${message}\n`);
}

export function tell(message) {
    log("tell", message);
}
