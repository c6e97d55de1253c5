#include "master/list_columns.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace slicemill::master {

namespace {

constexpr std::size_t kWasteAllowed = 64 << 10;

void take_over(ListColumn& column, std::size_t row, const Statement& query, int position) {
  const bool is_null = query.is_null(position);
  if (!column.is_text) {
    column.numbers[row] = is_null ? ListColumn::kNone : query.integer(position);
  } else if (is_null) {
    column.texts.clear(row);
  } else {
    column.texts.set(row, query.view(position));
  }
}

void insert_row(ListColumn& column, std::size_t row) {
  if (column.is_text) {
    column.texts.insert(row);
  } else {
    column.numbers.insert(column.numbers.begin() + static_cast<std::ptrdiff_t>(row), ListColumn::kNone);
  }
}

}  // namespace

std::optional<std::string_view> TextColumn::joined(std::size_t begin, std::size_t end) const {
  for (std::size_t row = begin; row < end; ++row) {
    if (!has(row) || (row > begin && places_[row].begin != places_[row - 1].begin + places_[row - 1].length))
      return std::nullopt;
  }
  const std::size_t first = places_[begin].begin;
  return std::string_view(bytes_).substr(first, places_[end - 1].begin + places_[end - 1].length - first);
}

void TextColumn::insert(std::size_t row) {
  places_.insert(places_.begin() + static_cast<std::ptrdiff_t>(row), Place{});
}

void TextColumn::clear(std::size_t row) {
  if (has(row)) live_ -= places_[row].length;
  places_[row] = {};
}

void TextColumn::set(std::size_t row, std::string_view text) {
  text = text.substr(0, kNone - 1);
  clear(row);
  places_[row].begin = bytes_.size();
  places_[row].length = text.size();
  bytes_.append(text);
  live_ += text.size();
  if (bytes_.size() > 2 * live_ + kWasteAllowed) compact();
}

void TextColumn::compact() {
  std::string kept;
  kept.reserve(live_);
  for (std::size_t row = 0; row < places_.size(); ++row) {
    if (!has(row)) continue;
    const std::size_t begin = kept.size();
    kept.append(at(row));
    places_[row].begin = begin;
  }
  bytes_ = std::move(kept);
}

// Sequence numbers are given before the write, so a lower one may come after a higher one.
std::size_t ListColumns::row_of(std::int64_t seq) {
  const auto place = std::ranges::lower_bound(seqs_, seq);
  const auto row = static_cast<std::size_t>(place - seqs_.begin());
  if (place != seqs_.end() && *place == seq) return row;
  seqs_.insert(place, seq);
  for (auto& [expression, column] : columns_) insert_row(column, row);
  return row;
}

Result<void> ListColumns::refresh(Database& database) {
  auto taken = take_over_changes(database);
  // Rows that were not reached could be taken for known ones: begin anew.
  if (!taken) *this = ListColumns(table_);
  return taken;
}

Result<void> ListColumns::take_over_changes(Database& database) {
  std::string wanted;
  for (const auto& [expression, column] : columns_) wanted += ", " + expression;
  const std::string text =
      seqs_.empty() ? fmt::format("SELECT seq, stamp{} FROM {} WHERE +stamp > ?1 ORDER BY seq", wanted, table_)
                    : fmt::format("SELECT seq, stamp{} FROM {} WHERE stamp > ?1 ORDER BY stamp", wanted, table_);
  ASSIGN_OR_RETURN(Statement query, database.statement(text));
  query.bind(1, stamp_);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return {};
    const std::size_t row = row_of(query.integer(0));
    stamp_ = std::max(stamp_, query.integer(1));
    int position = 2;
    for (auto& [expression, column] : columns_) take_over(column, row, query, position++);
  }
}

Result<const ListColumn*> ListColumns::column(Database& database, const std::string& expression, bool is_text) {
  if (const auto found = columns_.find(expression); found != columns_.end()) return &found->second;
  ListColumn column;
  column.is_text = is_text;
  ASSIGN_OR_RETURN(Statement query,
                   database.statement(fmt::format("SELECT {} FROM {} ORDER BY seq", expression, table_)));
  for (std::size_t row = 0; row < seqs_.size(); ++row) {
    ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) return Error(ErrorCode::internal, fmt::format("{} has fewer rows than it had", table_));
    insert_row(column, row);
    take_over(column, row, query, 0);
  }
  return &columns_.emplace(expression, std::move(column)).first->second;
}

}  // namespace slicemill::master
