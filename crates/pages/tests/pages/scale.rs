//! The scalability law fitted to sweeps from fixed figures.

use crate::support::sweeps::{BLOCKS_PER_VISIT, law, sweep};
use record::sweep::SweepRecord;
use render::{Format, RenderOptions};

#[test]
fn laws_of_several_sweeps_are_told_apart() {
    let record = sweep(false);
    let sweeps = [("a.json", &record), ("b.json", &record)]
        .map(|(source, record)| (source.to_owned(), record.clone()));
    let page = |fitted| pages::scale::render(&fitted, Format::Html, &RenderOptions::default());
    let both = page(analysis::scale::fit(&sweeps)).text;
    for part in ["async, wait 0 ms (a.json)", "async, wait 0 ms (b.json)"] {
        assert!(both.contains(part), "{part}");
    }
    let ids = both.match_indices(" id=\"").map(|(at, _)| {
        let id = &both[at + 5..];
        &id[..id.find('"').expect("a closing mark")]
    });
    let ids: Vec<&str> = ids.collect();
    let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len(), "{ids:?}");
    let one = page(analysis::scale::fit(&sweeps[..1])).text;
    assert!(!one.contains("(a.json)"), "there is nothing to tell apart");
}

#[test]
fn a_law_is_not_fitted_to_blocks_that_were_left_out() {
    let points = |record: SweepRecord| {
        let fitted = analysis::scale::fit(&[("a.json".to_owned(), record)]);
        fitted.fits.into_iter().next().expect("a fit")
    };
    let mut record = sweep(false);
    let whole = points(record.clone()).points[0].measured_rps;
    let result = record.cells[0].servers[0].result.as_mut();
    let blocks = &mut result.expect("measured").blocks;
    blocks[0].dropped = Some("steal".to_owned());
    blocks[0].requests = 1;
    let without = points(record.clone()).points[0].measured_rps;
    assert!(
        (without / whole - 1.0).abs() < 0.01,
        "{without}, not {whole}"
    );

    let result = record.cells[0].servers[0].result.as_mut();
    for block in &mut result.expect("measured").blocks[..BLOCKS_PER_VISIT as usize] {
        block.dropped = Some("steal".to_owned());
    }
    let left_out = &points(record).left_out[0];
    assert_eq!(left_out, "1: a visit measured nothing that can be used");
}

#[test]
fn the_law_behind_a_sweep_is_found_again() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        cell.servers[0].stopped = None;
    }
    let fitted = analysis::scale::fit(&[("a.json".to_owned(), record)]);
    for name in ["sync", "async"] {
        let fit = fitted
            .fits
            .iter()
            .find(|fit| fit.server == name && fit.wait_ms == 0)
            .unwrap();
        let law_found = fit.law.unwrap_or_else(|| panic!("{fit:?}"));
        let (gamma, alpha, beta) = law(name);
        for (found, wanted) in [
            (law_found.gamma_rps, gamma),
            (law_found.alpha, alpha),
            (law_found.beta, beta),
        ] {
            assert!(
                (found.low..=found.high).contains(&wanted),
                "{name}: {found:?}, not {wanted}"
            );
        }
    }
    let text = pages::scale::render(&fitted, Format::Text, &RenderOptions::default()).text;
    assert!(text.contains("shares 2 cores with the servers"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn too_few_passes_have_no_law_and_a_reason() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        cell.visits.truncate(2);
    }
    let fitted = analysis::scale::fit(&[("a.json".to_owned(), record)]);
    assert!(
        fitted
            .fits
            .iter()
            .all(|fit| fit.law.is_none() && fit.reason.is_some())
    );
    assert!(
        fitted.fits[0].left_out[0].contains("visited too few times"),
        "{:?}",
        fitted.fits[0]
    );
}
