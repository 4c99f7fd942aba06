//! The one table model: what stands in which column, as data. How it looks is each renderer's affair.

/// A table of figures. Its cells are text made by [`format`](mod@format), with the value beside it for sorting.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Stable identifier within a report.
    pub id: String,
    /// Title above the table.
    pub title: String,
    /// Columns; the first names the rows.
    pub columns: Vec<Column>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// How it is laid out where there is a choice.
    pub layout: Layout,
    /// Lines under the table.
    pub notes: Vec<String>,
}

/// How a table may be laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Always as it is.
    Upright,
    /// Many figures of few things: rows become columns where that fits the page.
    Turned,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Heading; a line break is where it may be broken.
    pub heading: String,
    /// Where its cells stand.
    pub align: Align,
    /// How soon it is left out where there is no room: 0 never, the highest first.
    pub priority: u8,
}

/// Where text stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// What is shown; may have several lines.
    pub text: String,
    /// What the rows are sorted by, where there is such a value.
    pub value: Option<f64>,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell {
            text: text.into(),
            value: None,
        }
    }

    /// A figure that may not be available.
    pub fn figure(value: Option<f64>, text: impl Fn(f64) -> String) -> Cell {
        Cell {
            text: format::optional(value, text),
            value,
        }
    }
}

impl Column {
    /// A column of words.
    pub fn words(heading: impl Into<String>, priority: u8) -> Column {
        Column {
            heading: heading.into(),
            align: Align::Left,
            priority,
        }
    }

    /// A column of figures.
    pub fn figures(heading: impl Into<String>, priority: u8) -> Column {
        Column {
            heading: heading.into(),
            align: Align::Right,
            priority,
        }
    }
}

impl Table {
    /// Names and values, one below the other: how something was measured.
    #[must_use]
    pub fn of_facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> Table {
        let row = |(name, value)| vec![Cell::text(name), Cell::text(value)];
        Table {
            id: "method".to_owned(),
            title: String::new(),
            columns: vec![Column::words("What", 0), Column::words("Value", 0)],
            rows: facts.into_iter().map(row).collect(),
            layout: Layout::Upright,
            notes: Vec::new(),
        }
    }

    /// The same table with rows and columns exchanged: figures downwards, things side by side.
    #[must_use]
    pub fn turned(&self) -> Table {
        let first = Column::words(self.columns[0].heading.clone(), 0);
        let things = self
            .rows
            .iter()
            .map(|row| Column::figures(row[0].text.clone(), 0));
        let figures = self.columns.iter().enumerate().skip(1);
        Table {
            columns: std::iter::once(first).chain(things).collect(),
            rows: figures
                .map(|(index, column)| {
                    let heading = Cell::text(column.heading.replace('\n', " "));
                    let cells = self.rows.iter().map(|row| row[index].clone());
                    std::iter::once(heading).chain(cells).collect()
                })
                .collect(),
            layout: Layout::Upright,
            ..self.clone()
        }
    }

    /// Leaves out the least important column, the last among equals, and returns its heading; `None` when
    /// only indispensable columns are left.
    pub fn drop_column(&mut self) -> Option<String> {
        let (index, column) = self
            .columns
            .iter()
            .enumerate()
            .max_by_key(|(_, column)| column.priority)?;
        if column.priority == 0 {
            return None;
        }
        for row in &mut self.rows {
            row.remove(index);
        }
        Some(self.columns.remove(index).heading.replace('\n', " "))
    }

    /// Leaves out the columns in which no row has anything to say.
    #[must_use]
    pub fn without_empty_columns(mut self) -> Table {
        let is_empty = |index: usize| {
            let mut lines = self.rows.iter().flat_map(|row| row[index].text.lines());
            index > 0 && lines.all(|line| line.is_empty() || line == format::NOT_AVAILABLE)
        };
        let keep: Vec<bool> = (0..self.columns.len()).map(|i| !is_empty(i)).collect();
        retain_by(&mut self.columns, &keep);
        for row in &mut self.rows {
            retain_by(row, &keep);
        }
        self
    }
}

fn retain_by<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next().copied().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            id: "t".into(),
            title: "T".into(),
            columns: vec![
                Column::words("Server", 0),
                Column::figures("QPS", 0),
                Column::figures("RSS", 3),
                Column::figures("p50", 1),
            ],
            rows: vec![
                ["sync", "1", "2", "3"].map(Cell::text).to_vec(),
                ["async", "4", "5", "6"].map(Cell::text).to_vec(),
            ],
            layout: Layout::Turned,
            notes: vec![],
        }
    }

    #[test]
    fn turning_puts_figures_downwards() {
        let turned = table().turned();
        let headings: Vec<_> = turned.columns.iter().map(|c| c.heading.as_str()).collect();
        assert_eq!(headings, ["Server", "sync", "async"]);
        let second: Vec<_> = turned.rows[1].iter().map(|c| c.text.as_str()).collect();
        assert_eq!(second, ["RSS", "2", "5"]);
        assert_eq!(turned.rows.len(), 3);
    }

    #[test]
    fn the_least_important_column_goes_first() {
        let mut table = table();
        assert_eq!(table.drop_column().as_deref(), Some("RSS"));
        assert_eq!(table.drop_column().as_deref(), Some("p50"));
        assert_eq!(table.drop_column(), None);
        assert_eq!(table.rows[1], ["async", "4"].map(Cell::text).to_vec());
    }

    #[test]
    fn columns_without_a_figure_are_left_out() {
        let mut table = table();
        for row in &mut table.rows {
            row[2] = Cell::figure(None, |_| String::new());
        }
        let headings: Vec<_> = table
            .without_empty_columns()
            .columns
            .into_iter()
            .map(|c| c.heading)
            .collect();
        assert_eq!(headings, ["Server", "QPS", "p50"]);
    }
}
