//! A component of another world. Proves that it is not put into service, and the daemon says what it lacks.

#![allow(missing_docs, unsafe_code, clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({
    inline: "
        package evil:corp;

        world wrong {
            export run: func();
        }
    ",
});

struct WrongWorld;

impl Guest for WrongWorld {
    fn run() {}
}

export!(WrongWorld);
