//! Who used the machine's CPU, over blocks; and what the part of other programs may have been worth.

use record::metric::Metric;
use record::{Block, BlockCpu};

/// The blocks' figures added up; `None` where one of them has none. Shares of time are averages.
pub fn total<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Option<BlockCpu> {
    let blocks: Option<Vec<BlockCpu>> = blocks.into_iter().map(|block| block.cpu).collect();
    let blocks = blocks.filter(|blocks| !blocks.is_empty())?;
    let sum = |of: fn(&BlockCpu) -> f64| blocks.iter().map(of).sum::<f64>();
    let all = |of: fn(&BlockCpu) -> Option<f64>| blocks.iter().map(of).sum::<Option<f64>>();
    Some(BlockCpu {
        machine_s: sum(|it| it.machine_s),
        idle_s: sum(|it| it.idle_s),
        server_s: all(|it| it.server_s),
        client_s: sum(|it| it.client_s),
        helpers_s: all(|it| it.helpers_s),
        others_s: all(|it| it.others_s),
        server_wait_s: all(|it| it.server_wait_s),
        client_wait_s: all(|it| it.client_wait_s),
        pressure_s: all(|it| it.pressure_s),
        busiest_thread: all(|it| it.busiest_thread).map(|sum| sum / blocks.len() as f64),
    })
}

/// Share of the machine's CPU that other programs used, in percent; `None` where that is not known.
pub fn others_percent<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Option<f64> {
    total(blocks).and_then(|it| it.percent(it.others_s?))
}

/// What a server would have done more, had it and the load generator had the CPU that other programs took as well:
/// (own + others) ÷ own. One where nothing is known of others.
pub fn credit(block: &Block) -> f64 {
    let credit = |cpu: BlockCpu| {
        let (own, others) = (cpu.ours_s(), cpu.others_s?);
        (own > 0.0).then(|| (own + others) / own)
    };
    block.cpu.and_then(credit).unwrap_or(1.0)
}

/// What a figure of a block is multiplied by when its server is credited with that.
pub fn credited(metric: Metric, block: &Block) -> f64 {
    match metric {
        Metric::Throughput => credit(block),
        Metric::P50 | Metric::P99 => credit(block).recip(),
        Metric::ServerCpuPerRequest => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(server_s: Option<f64>, client_s: f64, others_s: Option<f64>) -> Block {
        let cpu = BlockCpu {
            machine_s: 2.0,
            server_s,
            client_s,
            helpers_s: Some(0.0),
            others_s,
            ..BlockCpu::default()
        };
        Block {
            cpu: Some(cpu),
            ..Block::default()
        }
    }

    #[test]
    fn what_others_took_is_credited_in_proportion() {
        assert_eq!(credit(&block(Some(0.6), 0.4, Some(0.5))), 1.5);
        assert_eq!(credit(&block(Some(0.6), 0.4, Some(0.0))), 1.0);
        assert_eq!(
            credit(&block(None, 0.5, Some(0.5))),
            2.0,
            "a server elsewhere"
        );
        assert_eq!(credit(&block(None, 0.5, None)), 1.0, "nothing is known");
        assert_eq!(credit(&block(Some(0.0), 0.0, Some(1.0))), 1.0);
        assert_eq!(credit(&Block::default()), 1.0);
    }

    #[test]
    fn a_share_of_others_is_over_all_blocks_and_none_where_one_is_unknown() {
        let known = [
            block(Some(0.5), 0.5, Some(0.2)),
            block(Some(0.5), 0.5, Some(0.6)),
        ];
        assert_eq!(others_percent(&known), Some(20.0));
        let unknown = [known[0].clone(), block(Some(0.5), 0.5, None)];
        assert_eq!(others_percent(&unknown), None);
        assert_eq!(others_percent(&[known[0].clone(), Block::default()]), None);
        assert_eq!(others_percent(&[]), None);
    }

    proptest! {
        #[test]
        fn credit_never_takes_away_and_no_share_is_above_the_whole(
            server in 0.0..4.0_f64, client in 0.0..4.0_f64, others in 0.0..4.0_f64
        ) {
            let block = block(Some(server), client, Some(others));
            prop_assert!(credit(&block) >= 1.0);
            prop_assert!(others_percent([&block]).unwrap() <= 100.0);
            prop_assert!(block.cpu.unwrap().busy_percent().unwrap() <= 100.0);
        }
    }
}
