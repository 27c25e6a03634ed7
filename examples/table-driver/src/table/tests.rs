use super::*;
use serde_json::{Value, json};

fn rows(recorded: &str, header: Option<&str>) -> Value {
    json!(read(recorded, header).expect("there is a table"))
}

#[test]
fn a_name_of_two_words_and_a_cell_of_two_words_are_one() {
    let rows = rows(include_str!("../../recorded/df.txt"), None);
    assert_eq!(
        rows[2],
        json!({"Filesystem": "//nas/share", "1024-blocks": "1953382400", "Used": "976691200",
            "Available": "976691200", "Capacity": "50%", "Mounted on": "/mnt/a share"})
    );
    assert_eq!(rows.as_array().map(Vec::len), Some(3));
}

#[test]
fn a_rule_says_where_columns_are_and_a_row_may_go_on_below() {
    let rows = rows(include_str!("../../recorded/show-vlan-brief.txt"), None);
    assert_eq!(rows[0]["Ports"], "Gi0/1, Gi0/2, Gi0/3, Gi0/4 Gi0/5, Gi0/6");
    assert_eq!(rows[1], json!({"VLAN": "30", "Name": "guests and visitors", "Status": "active", "Ports": "Gi0/7"}));
    assert_eq!((&rows[2]["Ports"], rows.as_array().map(Vec::len)), (&json!(""), Some(3)));
}

#[test]
fn what_blanks_separate_everywhere_are_columns() {
    let rows = rows(include_str!("../../recorded/show-ip-interface-brief.txt"), None);
    assert_eq!(
        rows[1],
        json!({"Interface": "GigabitEthernet0/2", "IP-Address": "unassigned", "OK?": "YES", "Method": "unset",
            "Status": "administratively down", "Protocol": "down"})
    );
}

#[test]
fn a_number_may_be_longer_than_the_name_above_it() {
    let rows = rows(include_str!("../../recorded/ps.txt"), None);
    assert_eq!(
        rows[1],
        json!({"PID": "1048576", "USER": "www-data", "%CPU": "12.5", "COMMAND": "nginx: worker process"})
    );
}

#[test]
fn the_table_begins_where_it_is_said_to() {
    let recorded = include_str!("../../recorded/kubectl.txt");
    let rows = rows(recorded, Some("READY"));
    assert_eq!(rows[1]["RESTARTS"], "4 (2m ago)");
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!(read(recorded, Some("NAMESPACE")), None);
    assert_eq!(read("\n \n", None), None);
}

#[test]
fn odd_tables_lose_nothing() {
    assert_eq!(rows("NAME\n", None), json!([]), "a table without rows");
    assert_eq!(rows("A A\n1 2\n", None), json!([{"A": "1", "A (2)": "2"}]));
    assert_eq!(rows("größe näme\n1     ü\n", None), json!([{"größe": "1", "näme": "ü"}]), "characters, not bytes");
    let text = serde_json::to_string(&read("b a\n1 2\n", None)).expect("JSON");
    assert_eq!(text, r#"[{"b":"1","a":"2"}]"#, "in the order of the columns");
}
