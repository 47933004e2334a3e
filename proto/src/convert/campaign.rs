//! Campaigns and their questions.

use telematics::question::{Above, Bounds, ClassPattern, Fact, Presence, Region, SummaryBounds};
use telematics::window::{Figure, Period};
use telematics::{
    Campaign, CampaignId, LeavesAt, Offer, Question, Scope, Signal, Timestamp, Value,
};

use super::{BadMessage, powertrain, required};
use crate::v1;

impl From<&Offer> for v1::Campaign {
    fn from(offer: &Offer) -> Self {
        let campaign = &offer.campaign;
        Self {
            campaign_id: campaign.id.to_vec(),
            title: campaign.title.clone(),
            scope: Some((&campaign.scope).into()),
            question: Some((&campaign.question).into()),
            closes_at_micros: campaign.closes_at.as_micros(),
            pay_micro_tokens: offer.pay_micro_tokens,
            vehicles_in_scope: offer.vehicles_in_scope,
        }
    }
}

impl TryFrom<v1::Campaign> for Offer {
    type Error = BadMessage;

    fn try_from(wire: v1::Campaign) -> Result<Self, BadMessage> {
        if wire.title.chars().count() > Campaign::TITLE_CHARS_MAX {
            return Err(BadMessage::TooLong { field: "title" });
        }
        let campaign = Campaign {
            id: CampaignId::from_bytes(&wire.campaign_id)?,
            title: wire.title,
            scope: required("scope", wire.scope)?.try_into()?,
            question: required("question", wire.question)?.try_into()?,
            closes_at: Timestamp::from_micros(wire.closes_at_micros),
        };
        let (pay_micro_tokens, vehicles_in_scope) = (wire.pay_micro_tokens, wire.vehicles_in_scope);
        Ok(Self { campaign, pay_micro_tokens, vehicles_in_scope })
    }
}

impl From<&Scope> for v1::Scope {
    fn from(scope: &Scope) -> Self {
        let ClassPattern { make, model, year, powertrain } = scope.class().clone();
        let powertrain = powertrain.map_or(v1::Powertrain::Unspecified, v1::Powertrain::from);
        Self {
            make: make.unwrap_or_default(),
            model: model.unwrap_or_default(),
            year: year.unwrap_or_default().into(),
            powertrain: powertrain.into(),
            first_day: scope.first_day().into(),
            last_day: scope.last_day().into(),
        }
    }
}

impl TryFrom<v1::Scope> for Scope {
    type Error = BadMessage;

    fn try_from(wire: v1::Scope) -> Result<Self, BadMessage> {
        let word = |word: String| Some(word).filter(|word| !word.is_empty());
        let stated = Some(wire.powertrain).filter(|value| *value != 0);
        let class = ClassPattern {
            make: word(wire.make),
            model: word(wire.model),
            year: Some(small("year", wire.year)?).filter(|year| *year != 0),
            powertrain: stated.map(powertrain).transpose()?,
        };
        Ok(Self::new(
            class,
            small("first_day", wire.first_day)?,
            small("last_day", wire.last_day)?,
        )?)
    }
}

impl From<&Question> for v1::campaign::Question {
    fn from(question: &Question) -> Self {
        match question {
            Question::Fact(fact) => Self::Fact(v1::Fact {
                signal: fact.signal.path().to_owned(),
                values: Some(bounds(fact.values)),
                sum: Some(bounds(fact.sum)),
                threshold: fact.above.threshold().raw(),
                count_max: fact.above.count_max().into(),
            }),
            Question::Region(region) => Self::Region(v1::Region {
                outside: region.presence() == Presence::Outside,
                tiles: region.tiles().iter().map(ToString::to_string).collect(),
            }),
            Question::Summary(summary) => Self::Summary(v1::SummaryBounds {
                signal: summary.signal.path().to_owned(),
                period: summary.period.as_str().to_owned(),
                figures: figures(summary),
            }),
        }
    }
}

fn figures(summary: &SummaryBounds) -> Vec<v1::FigureBounds> {
    let asked = Figure::ALL.into_iter().zip(summary.figures);
    let asked = asked.filter(|(_, bounds)| *bounds != Bounds::ANY_FIGURE);
    let wire = |(figure, stated): (Figure, Bounds)| v1::FigureBounds {
        figure: figure.as_str().to_owned(),
        bounds: Some(bounds(stated)),
    };
    asked.map(wire).collect()
}

impl TryFrom<v1::campaign::Question> for Question {
    type Error = BadMessage;

    fn try_from(wire: v1::campaign::Question) -> Result<Self, BadMessage> {
        match wire {
            v1::campaign::Question::Fact(wire) => Ok(Self::Fact(fact(&wire)?)),
            v1::campaign::Question::Region(wire) => Ok(Self::Region(region(&wire)?)),
            v1::campaign::Question::Summary(wire) => Ok(Self::Summary(summary(wire)?)),
        }
    }
}

fn fact(wire: &v1::Fact) -> Result<Fact, BadMessage> {
    let values = required("values", wire.values)?;
    let sum = required("sum", wire.sum)?;
    let count_max = u8::try_from(wire.count_max).unwrap_or(u8::MAX);
    Ok(Fact {
        signal: Signal::by_path(&wire.signal)?,
        values: Bounds::of_values(Value::from_raw(values.low), Value::from_raw(values.high))?,
        sum: Bounds::of_sum(sum.low, sum.high)?,
        above: Above::new(Value::from_raw(wire.threshold), count_max)?,
    })
}

fn region(wire: &v1::Region) -> Result<Region, BadMessage> {
    let presence = if wire.outside { Presence::Outside } else { Presence::Inside };
    let tiles = wire.tiles.iter().take(Region::TILES_MAX + 1).map(|tile| tile.parse());
    Ok(Region::new(presence, tiles.collect::<Result<_, _>>()?)?)
}

fn summary(wire: v1::SummaryBounds) -> Result<SummaryBounds, BadMessage> {
    let mut figures = [Bounds::ANY_FIGURE; Figure::COUNT];
    for v1::FigureBounds { figure, bounds } in wire.figures {
        let stated = required("bounds", bounds)?;
        let index = Figure::ALL.iter().position(|known| known.as_str() == figure);
        let slot = index.and_then(|index| figures.get_mut(index));
        let slot = slot.ok_or(BadMessage::UnknownWord { field: "figure", word: figure })?;
        *slot = Bounds::of_figure(stated.low, stated.high)?;
    }
    let period = Period::parse(&wire.period)
        .ok_or(BadMessage::UnknownWord { field: "period", word: wire.period })?;
    Ok(SummaryBounds { signal: Signal::by_path(&wire.signal)?, period, figures })
}

const fn bounds(bounds: Bounds) -> v1::Bounds {
    v1::Bounds { low: bounds.low(), high: bounds.high() }
}

impl From<LeavesAt> for v1::Leaves {
    fn from(at: LeavesAt) -> Self {
        Self { epoch: at.epoch, position: at.position, day: at.day.into() }
    }
}

impl TryFrom<v1::Leaves> for LeavesAt {
    type Error = BadMessage;

    fn try_from(wire: v1::Leaves) -> Result<Self, BadMessage> {
        Ok(Self { epoch: wire.epoch, position: wire.position, day: small("day", wire.day)? })
    }
}

fn small(field: &'static str, number: u32) -> Result<u16, BadMessage> {
    u16::try_from(number).or(Err(BadMessage::TooLarge { field, number }))
}

#[cfg(test)]
mod tests {
    use telematics::Powertrain;
    use telematics::testing::T0;

    use super::*;

    fn offers() -> [Offer; 3] {
        let tiles = ["11/1100/671", "3/1/1"].map(|tile| tile.parse().unwrap()).to_vec();
        let mut figures = [Bounds::ANY_FIGURE; Figure::COUNT];
        figures[3] = Bounds::of_figure(-5, 70).unwrap();
        let questions = [
            Question::Fact(Fact {
                signal: Signal::SPEED,
                values: Bounds::of_values(Value::from_raw(-1), Value::from_raw(9)).unwrap(),
                sum: Bounds::ANY_SUM,
                above: Above::new(Value::from_raw(7), 3).unwrap(),
            }),
            Question::Region(Region::new(Presence::Outside, tiles).unwrap()),
            Question::Summary(SummaryBounds {
                signal: Signal::SPEED,
                period: Period::Day,
                figures,
            }),
        ];
        let class = ClassPattern {
            year: Some(2020),
            powertrain: Some(Powertrain::Diesel),
            ..ClassPattern::default()
        };
        questions.map(|question| Offer {
            campaign: Campaign {
                id: CampaignId::new(T0, [1; 10]),
                title: "Winter tyres".to_owned(),
                scope: Scope::new(class.clone(), 20_000, 20_030).unwrap(),
                question,
                closes_at: T0,
            },
            pay_micro_tokens: 1_500_000,
            vehicles_in_scope: 12,
        })
    }

    #[test]
    fn every_campaign_survives_the_wire() {
        for offer in offers() {
            assert_eq!(Offer::try_from(v1::Campaign::from(&offer)), Ok(offer));
        }
    }

    #[test]
    fn what_is_no_campaign_is_refused_by_field() {
        let [fact, region, summary] = offers().map(|offer| v1::Campaign::from(&offer));
        let scope = fact.scope.clone().unwrap();
        let asked = |question: v1::campaign::Question| v1::Campaign {
            question: Some(question),
            ..fact.clone()
        };
        let no_tiles = v1::Region { outside: false, tiles: Vec::new() };
        let figure =
            v1::FigureBounds { figure: "mood".to_owned(), bounds: Some(v1::Bounds::default()) };
        let mood = v1::SummaryBounds {
            signal: "Vehicle.Speed".to_owned(),
            period: "day".to_owned(),
            figures: vec![figure],
        };
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (v1::Campaign { question: None, ..region },                                            "`question` is missing"),
            (v1::Campaign { scope: None, ..summary },                                              "`scope` is missing"),
            (v1::Campaign { title: "x".repeat(201), ..fact.clone() },                              "`title` is too long"),
            (v1::Campaign { scope: Some(v1::Scope { first_day: 70_000, ..scope.clone() }), ..fact.clone() }, "`first_day`"),
            (v1::Campaign { scope: Some(v1::Scope { last_day: 1, ..scope }), ..fact.clone() },     "days before the first"),
            (asked(v1::campaign::Question::Region(no_tiles)),                                      "0 tiles"),
            (asked(v1::campaign::Question::Summary(mood)),                                         "`mood`"),
        ];
        for (wire, expected) in cases {
            let error = Offer::try_from(wire).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn places_of_leaves_survive_the_wire() {
        let at = LeavesAt { epoch: 3, position: 1_000_000, day: 20_000 };

        assert_eq!(LeavesAt::try_from(v1::Leaves::from(at)), Ok(at));
        assert!(LeavesAt::try_from(v1::Leaves { epoch: 0, position: 0, day: 65_536 }).is_err());
    }
}
