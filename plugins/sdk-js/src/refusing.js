/** A function that only says what to do instead. Not for plugins. */
export function refusing(sentence) {
    return () => {
        throw new Error(sentence);
    };
}
