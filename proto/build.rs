//! Compiles `axle/v1/*.proto` with protox, so that no protoc has to be installed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["enrolment", "consent", "earnings", "ingest", "live", "proofs"];
    let files = files.map(|name| format!("axle/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=axle");
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
