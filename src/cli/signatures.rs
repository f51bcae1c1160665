//! `auscult signatures check|list|explain`.

use std::io::Write;

use super::{Failure, Settings, output};
use crate::census::asset::OWN_KEYS;
use crate::census::signature::{Book, Signature, check};
use crate::census::{advisory, risk};
use crate::wire::dissect::PROTOCOLS;
use crate::wire::flow;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Lint all signatures and run every example
    Check,
    /// One line a signature
    List,
    /// One signature, whole: what it looks at, what it says, who says so
    Explain {
        /// Id, as `auscult show` names it
        id: String,
    },
}

pub(super) fn run(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let book = settings.book()?;
    match &args.what {
        What::Check => {
            let said = PROTOCOLS.iter().flat_map(|p| p.keys).map(crate::observe::Key::as_str);
            let keys: Vec<&str> = said.chain(OWN_KEYS).chain(flow::OWN_KEYS).collect();
            let mut faults = check(&book, &keys);
            let risks = settings.risks()?;
            faults.extend(risk::check(&risks, &book));
            faults.extend(advisory::check(risks.advisories()));
            output(None, |to| {
                for fault in &faults {
                    writeln!(to, "{fault}")?;
                }
                let examples: usize = book.iter().map(|s| s.examples.len()).sum();
                writeln!(
                    to,
                    "{} signatures, {examples} examples, {} faults",
                    book.iter().count(),
                    faults.len()
                )?;
                Ok(())
            })?;
            if faults.is_empty() { Ok(()) } else { Err(Failure::Silent) }
        }
        What::List => output(None, |to| list(&book, to)),
        What::Explain { id } => match book.get(id) {
            Some(signature) => output(None, |to| explain(signature, to)),
            None => Err(Failure::Said(format!(
                "no signature `{}`; `auscult signatures list` has them all",
                id.escape_debug()
            ))),
        },
    }
}

fn list(book: &Book, to: &mut dyn Write) -> Result<(), Failure> {
    for signature in book.iter() {
        let set: Vec<_> =
            signature.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        writeln!(
            to,
            "{:<44} {:.2} {:<28} {}",
            signature.id,
            signature.confidence,
            signature.keys.join(","),
            set.join(", ")
        )?;
    }
    let count = |which: &dyn Fn(&Signature) -> bool| book.iter().filter(|it| which(it)).count();
    writeln!(
        to,
        "{} signatures: {} of medical devices, {} with examples, {} with a source, {} not verified",
        count(&|_| true),
        count(&|it| is_medical(book, it)),
        count(&|it| !it.examples.is_empty()),
        count(&|it| !it.source.trim().is_empty()),
        count(&|it| it.unverified)
    )?;
    Ok(())
}

/// Whether it says that something is a medical device.
fn is_medical(book: &Book, signature: &Signature) -> bool {
    signature.set.iter().chain(&signature.hint).any(|(name, value)| match *name {
        "device_category" => value == MEDICAL,
        "device_class" => book.class(value).is_some_and(|class| class.category == MEDICAL),
        "modality" => true,
        _ => false,
    })
}

const MEDICAL: &str = "medical";

fn explain(signature: &Signature, to: &mut dyn Write) -> Result<(), Failure> {
    writeln!(to, "{}  ({}, line {})", signature.id, signature.file, signature.line)?;
    writeln!(to, "  looks at    {}", signature.keys.join(", "))?;
    writeln!(to, "  matches     {:?}", signature.matcher)?;
    for (key, pattern) in &signature.when {
        writeln!(to, "  and only if {key} is {pattern}")?;
    }
    for (name, value) in &signature.set {
        writeln!(to, "  says        {name} = {value}")?;
    }
    let sure = if signature.unverified { ", not verified" } else { "" };
    writeln!(to, "  confidence  {:.2}{sure}", signature.confidence)?;
    writeln!(to, "  source      {}", signature.source)?;
    for example in &signature.examples {
        writeln!(to, "  example     {}", example.value)?;
    }
    Ok(())
}
