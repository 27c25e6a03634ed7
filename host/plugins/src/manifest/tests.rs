use super::*;
use crate::Config;

const MANIFEST: &str = "name = \"x\"\nversion = \"1\"\nworld = \"driver\"\napi = \"0.1\"\n";

/// An empty component with these custom sections.
fn component(manifests: &[&str]) -> Vec<u8> {
    let mut wasm = vec![0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
    for manifest in manifests {
        let size = u8::try_from(1 + SECTION.len() + manifest.len()).expect("short");
        assert!(size < 128, "one byte of LEB128");
        wasm.extend([0, size, u8::try_from(SECTION.len()).expect("short")]);
        wasm.extend(SECTION.bytes().chain(manifest.bytes()));
    }
    wasm
}

fn reason(wasm: &[u8], beside: Option<&str>) -> String {
    Manifest::of(wasm, beside).expect_err("it is wrong").to_string()
}

#[test]
fn it_may_be_inside_beside_or_both() {
    for (inside, beside) in [(&[MANIFEST][..], None), (&[], Some(MANIFEST)), (&[MANIFEST], Some(MANIFEST))] {
        let manifest = Manifest::of(&component(inside), beside).expect("it is good");
        assert_eq!((manifest.name.as_str(), manifest.world), ("x", WorldName::Driver));
    }
}

#[test]
fn two_that_differ_are_refused_and_so_are_none_and_two_inside() {
    let other = MANIFEST.replace("\"x\"", "\"y\"");
    assert!(reason(&component(&[MANIFEST]), Some(&other)).contains("differs"));
    assert!(reason(&component(&[]), None).contains("there is none"));
    assert!(reason(&component(&[MANIFEST, MANIFEST]), None).contains("two"));
}

#[test]
fn it_must_be_of_this_api_without_unknown_keys_and_give_reasons() {
    let beside = |text: &str| reason(&component(&[]), Some(text));
    assert!(beside(&MANIFEST.replace("0.1", "0.9")).contains("this daemon offers 0.1"));
    assert!(beside(&format!("{MANIFEST}power = \"all\"\n")).contains("power"));
    assert!(beside(&format!("{MANIFEST}[[request]]\ncapability = \"exec\"\n")).contains("no reason"));
    assert!(beside(&format!("{MANIFEST}[[request]]\ncapability = \"exec\"\nreason = \" \"\n")).contains("no reason"));
    assert!(beside(&MANIFEST.replace("driver", "daemon")).contains("daemon"));
    assert!(beside("not TOML").contains("manifest"));
}

#[test]
fn what_is_no_component_is_named() {
    assert!(reason(b"text", None).contains("not a WebAssembly component"));
    assert!(reason(&[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], None).contains("core module"));
    assert!(reason(&component(&[MANIFEST])[..20], None).contains("not a WebAssembly component"));
}

#[test]
fn limits_may_be_lowered_but_not_raised() {
    let with = |limits: &str| Manifest::of(&component(&[]), Some(&format!("{MANIFEST}[limits]\n{limits}\n")));
    let allowed = Limits::driver();
    let limits = with("memory = 1048576").expect("good").limits(&allowed).expect("allowed");
    assert_eq!((limits.memory, limits.cpu_ms), (1 << 20, allowed.cpu_ms));
    let refused = |limits: &str| with(limits).expect("good").limits(&allowed).expect_err("refused").to_string();
    assert!(refused("memory = 1_000_000_000_000").contains("the operator allows 67108864"));
    assert!(refused("memories = 1").contains("memories"));
    assert!(refused("memory = \"much\"").contains("limits"));
}

#[test]
fn the_version_that_is_offered_is_that_of_the_package() {
    let package = format!("package hostler:plugin@{OFFERED};");
    assert!(include_str!("../../../../wit/world.wit").starts_with(&package), "{package}");
    assert!(OFFERED.starts_with(&format!("{API}.")));
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_with_its_line() {
    let text = format!("{MANIFEST}power = 1\n\n[[request]]\ncapability = \"exec\"\nhost = \"a\"\n");
    let (manifest, wrong) = Manifest::examine(&text);
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let parts = [["line 5", "`power`"], ["line 9", "`host`"], ["`exec`", "no reason"]];
    assert_eq!(wrong.len(), parts.len(), "{wrong:#?}");
    for (sentence, parts) in wrong.iter().zip(parts) {
        assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    }
    assert_eq!(manifest.map(|manifest| manifest.requests.len()), Some(1), "what is known is understood");
    let (manifest, wrong) = Manifest::examine("power = 1\nname = 2\n");
    assert!(manifest.is_none() && wrong.len() == 2, "{wrong:?}");
}

/// A configuration, as far as it is about plugins.
#[derive(Deserialize)]
struct Written {
    plugin: std::collections::BTreeMap<String, crate::PluginConfig>,
}

#[test]
fn what_an_operator_writes_gives_all_that_is_asked_for() {
    let request = "[[request]]\ncapability = \"exec\"\nreason = \"to ask\"\noptional = true\n";
    let narrow = request.replace("optional = true", "commands = [\"uname *\"]");
    let text = format!("{MANIFEST}{request}{narrow}[limits]\nmemory = 100_000_000\nruns = 1\n");
    let (manifest, config) = (Manifest::read(&text).expect("good"), Config::default());
    let lines = manifest.configuration(&config);
    let grants = "[\"exec\", { capability = \"exec\", commands = [\"uname *\"] }]";
    assert_eq!(lines, format!("[plugin.x]\ngrants = {grants}\nlimits = {{ memory = 100000000 }}\n"));
    let written: Written = toml::from_str(&lines).expect("a configuration");
    let allowed = config.driver_limits.with(&written.plugin["x"].limits).expect("limits");
    assert_eq!(manifest.limits(&allowed).expect("they are allowed").memory, 100_000_000);
    assert_eq!(
        Manifest::read(MANIFEST).expect("good").configuration(&config),
        "",
        "who asks for nothing needs nothing"
    );
}
