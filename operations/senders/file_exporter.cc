#include "operations/senders/file_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/model/output_path.h"
#include "core/outputs/file_layout.h"
#include "core/outputs/file_publisher.h"
#include "core/outputs/routing.h"
#include "core/outputs/settled_columns.h"
#include "core/outputs/subdirectory.h"
#include "core/runtime/fault.h"
#include "operations/known_fields.h"
#include "operations/record_tokens.h"
#include "operations/senders/staged_file.h"

namespace slicemill {

namespace {

constexpr std::size_t kFlushBytes = 1 << 20;
// Of the files of one slice, of which there may be many.
constexpr std::size_t kPartFlushBytes = 64 << 10;
constexpr std::size_t kMostParts = 256;

struct WrittenFile {
  std::string path;
  std::unique_ptr<WritableFile> file;
};

Result<void> make_durable(const std::vector<WrittenFile>& written, Files& files, const std::string& directory) {
  for (const WrittenFile& one : written) {
    RETURN_IF_ERROR(one.file->sync());
    RETURN_IF_ERROR(one.file->close());
  }
  RETURN_IF_ERROR(files.sync_directory(directory));
  return fault("staged");
}

std::string shadow_warning(std::string_view word) {
  return fmt::format("{{{0}}} is {1}, and the records have a field `{0}` too, which is written {{field:{0}}}", word,
                     meaning_of(word));
}

class FileExporter final : public Sender {
 public:
  Result<void> initialize(const OperationContext& context) override {
    options_ = context.operation.options;
    files_ = context.files;
    staging_suffix_ = staging_name(context.job.plan, context.index, "");
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(writing_, file_writing(options_));
    ASSIGN_OR_RETURN(subdirectory_, Subdirectory::parse(options_.value(kSubdirectoryOption, std::string())));
    if (subdirectory_.has_route()) {
      ASSIGN_OR_RETURN(routing_, Routing::parse(options_.at(kRoutingOption)));
    }
    whole_ = std::make_unique<StagedFile>(*files_, kFlushBytes);
    for (const std::string& field : writing_.writer.fields)
      absent_.push_back(context.remark(fmt::format("\"{}\" was in no record", field)));
    for (const Json& word : options_.value(kPlaceholdersOption, Json::array()))
      shadowed_.push_back({FieldPath::of_name(word.get<std::string>()),
                           context.remark("path: " + shadow_warning(word.get<std::string>()))});
    replaced_ = context.remark(
        "texts with half of a surrogate pair, which is no character, were written with U+FFFD in its place");
    return {};
  }

  Result<void> begin(const SliceContext& slice) override {
    if (!layout_ || lineage_id_ != slice.lineage_id) {
      lineage_id_ = slice.lineage_id;
      ASSIGN_OR_RETURN(layout_, file_layout(options_, lineage_id_ + staging_suffix_));
      columns_.clear();
    }
    key_ = slice.key;
    attempt_ = slice.attempt;
    cancelled_ = slice.cancelled;
    facts_ = {};
    facts_.request_hash = request_hash(slice.request);
    forget_parts();
    expected_columns_.reset();
    looks_for_shadowed_ = !shadowed_.empty() && !writing_.writer.raw_records;
    if (subdirectory_.is_empty()) begin_file(*whole_, layout_->staged_path(key_, attempt_));
    return {};
  }

  Result<void> expect_columns(const std::vector<std::string>& names) override {
    if (subdirectory_.is_empty()) return whole_->expect_columns(names);
    expected_columns_ = names;
    for (const Part& part : parts_) RETURN_IF_ERROR(part.file->expect_columns(names));
    return {};
  }

  bool changes_batches() const override { return !subdirectory_.is_empty() && !rejecter_.fails_slice(); }

  Result<void> write(RecordBatch& batch) override {
    if (batch.records.empty()) return {};
    if (std::exchange(looks_for_shadowed_, false)) look_for_shadowed(batch);
    if (!subdirectory_.is_empty()) return write_parts(batch);
    return write_to(*whole_, batch.records);
  }

  Result<StagedOutput> stage() override {
    std::vector<WrittenFile> written;
    if (!subdirectory_.is_empty()) {
      RETURN_IF_ERROR(finish_parts(written));
    } else if (whole_->is_created()) {
      ASSIGN_OR_RETURN(const StagedFile::Stored stored, whole_->finish());
      facts_.records = stored.records;
      facts_.bytes = stored.bytes;
      facts_.checksum = stored.checksum;
      written.push_back({whole_->path(), whole_->take()});
    }
    if (written.empty()) return StagedOutput{facts_, nullptr};
    facts_.present = true;
    return StagedOutput{facts_, [written = std::make_shared<std::vector<WrittenFile>>(std::move(written)),
                                 files = files_, directory = layout_->staging_directory()] {
                          auto synced = make_durable(*written, *files, directory);
                          if (synced) return synced;
                          for (const WrittenFile& one : *written) (void)files->remove(one.path);
                          return synced;
                        }};
  }

  void abandon() override {
    whole_->abandon();
    for (const Part& part : parts_) part.file->abandon();
    forget_parts();
  }

 private:
  // A file of the slice, with the records of the present batch that belong there.
  struct Part {
    std::string place;
    std::unique_ptr<StagedFile> file;
    std::vector<std::string_view> records;
  };

  void begin_file(StagedFile& file, std::string path) {
    RecordWriterOptions writer = writing_.writer;
    writer.settle_columns = [this, own_path = path + ".columns"](std::vector<std::string> own) {
      return settled(own_path, std::move(own));
    };
    file.begin(std::move(path), writing_, std::move(writer));
  }

  Result<void> write_to(StagedFile& file, std::span<const std::string_view> records) {
    if (!file.is_created()) {
      RETURN_IF_ERROR(file.create());
      RETURN_IF_ERROR(check_fields(file));
    }
    auto appended = file.append(records);
    remark(file.writer());
    return appended;
  }

  Result<void> write_parts(RecordBatch& batch) {
    RecordTokens tokens(batch, indexer_);
    RecordKeeper keeper(batch);
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const std::string_view record = batch.records[i];
      const auto place = place_of(batch, i, tokens);
      if (!place) {
        RETURN_IF_ERROR(rejecter_.reject(batch, i, place.error()));
        continue;
      }
      ASSIGN_OR_RETURN(Part * part, part_at(*place));
      part->records.push_back(record);
      keeper.keep(i, record);
    }
    keeper.end();
    for (Part& part : parts_) {
      if (part.records.empty()) continue;
      RETURN_IF_ERROR(write_to(*part.file, part.records));
      part.records.clear();
    }
    return {};
  }

  // Fields that a placeholder of the path hides, as far as the first record of the slice shows.
  void look_for_shadowed(RecordBatch& batch) {
    RecordTokens tokens(batch, indexer_);
    const auto object = tokens.object(0);
    if (!object) return;
    for (Shadowed& shadowed : shadowed_) {
      find_fields(*object, shadowed.field, found_);
      if (!found_.values.empty()) shadowed.warning.make();
    }
  }

  Result<std::string_view> place_of(const RecordBatch& batch, std::size_t i, RecordTokens& tokens) {
    const std::string_view route = batch.metadata.empty() ? std::string_view() : batch.metadata[i].route;
    if (routing_) RETURN_IF_ERROR(routing_->check(route));
    if (!subdirectory_.has_fields()) return subdirectory_.place_of_route(route);
    const auto object = tokens.object(i);
    if (!object) return not_an_object(batch.records[i]);
    return subdirectory_.place_of(*object, route);
  }

  Error too_many_parts() const {
    if (!subdirectory_.has_fields())
      return {ErrorCode::invalid,
              fmt::format("the records of one slice have more than {} routes: make slices smaller, or route by "
                          "something with fewer values",
                          kMostParts),
              false};
    return {ErrorCode::invalid,
            fmt::format("path: the records of one slice belong into more than {} directories by the fields that it "
                        "names, `{}` among them: make slices smaller, or name a field with fewer values",
                        kMostParts, subdirectory_.first_field()),
            false};
  }

  Result<Part*> part_at(std::string_view place) {
    // Neighbours often belong together.
    if (last_part_ < parts_.size() && parts_[last_part_].place == place) return &parts_[last_part_];
    if (const auto known = part_numbers_.find(place); known != part_numbers_.end()) {
      last_part_ = known->second;
      return &parts_[last_part_];
    }
    if (parts_.size() == kMostParts) return too_many_parts();
    last_part_ = parts_.size();
    part_numbers_.emplace(place, last_part_);
    parts_.push_back({std::string(place), std::make_unique<StagedFile>(*files_, kPartFlushBytes), {}});
    Part& part = parts_.back();
    begin_file(*part.file, layout_->staged_path(key_, attempt_, last_part_));
    if (expected_columns_) RETURN_IF_ERROR(part.file->expect_columns(*expected_columns_));
    return &part;
  }

  Result<void> finish_parts(std::vector<WrittenFile>& written) {
    for (const Part& part : parts_) {
      ASSIGN_OR_RETURN(const StagedFile::Stored stored, part.file->finish());
      facts_.parts.push_back({part.place, stored.records, stored.bytes, stored.checksum});
      facts_.records += stored.records;
      facts_.bytes += stored.bytes;
    }
    for (const Part& part : parts_) written.push_back({part.file->path(), part.file->take()});
    forget_parts();
    return {};
  }

  void forget_parts() {
    parts_.clear();
    part_numbers_.clear();
    last_part_ = 0;
  }

  void remark(const RecordWriter& writer) {
    if (writer.has_replaced_characters()) replaced_.make();
    const auto& found = writer.found_fields();
    for (std::size_t field = 0; field < found.size(); ++field) {
      absent_[field].make();
      if (found[field]) absent_[field].refute();
    }
  }

  bool is_first_slice() const { return key_.generation == 0 && key_.slicer == 0 && key_.order <= 1; }

  // The columns of the lineage, unless a header says those of this file and it has others.
  Result<std::vector<std::string>> settled(const std::string& own_path, std::vector<std::string> own) {
    if (columns_.empty() && !is_first_slice()) {
      ASSIGN_OR_RETURN(auto of_others, await_settled_columns(*files_, *layout_, cancelled_));
      if (of_others) columns_ = std::move(*of_others);
    }
    if (columns_.empty()) {
      ASSIGN_OR_RETURN(columns_, settle_columns(*files_, *layout_, own_path, own));
    }
    const RecordWriterOptions& writer = writing_.writer;
    const bool has_others = std::any_of(own.begin(), own.end(), [&](const std::string& name) {
      return std::find(columns_.begin(), columns_.end(), name) == columns_.end();
    });
    return has_others && writer.include_header && !writer.is_part ? own : columns_;
  }

  Result<void> check_fields(const StagedFile& file) {
    const RecordWriterOptions& writer = writing_.writer;
    if (!is_delimited(writer.format) || !writer.is_part || writer.fields.empty() || !columns_.empty()) return {};
    std::vector<std::string> columns = column_names(writer.fields);
    RETURN_IF_ERROR(check_columns(*files_, *layout_, file.path() + ".columns", columns));
    columns_ = std::move(columns);
    return {};
  }

  Json options_;
  std::string staging_suffix_;  // behind the lineage's id
  Files* files_ = nullptr;
  FileWriting writing_;
  Subdirectory subdirectory_;
  std::optional<Routing> routing_;
  RecordRejecter rejecter_;
  JsonIndexer indexer_;
  std::string lineage_id_;
  std::optional<FileLayout> layout_;     // of the lineage
  std::vector<std::string> columns_;     // that are settled for the lineage; empty: not yet asked for
  std::vector<OperationRemark> absent_;  // by field of `fields`
  OperationRemark replaced_;
  struct Shadowed {
    FieldPath field;
    OperationRemark warning;
  };
  std::vector<Shadowed> shadowed_;  // by placeholder of the path that is no field
  FoundFields found_;
  // of the slice
  bool looks_for_shadowed_ = false;
  SliceKey key_;
  Attempt attempt_;
  const std::atomic<bool>* cancelled_ = nullptr;
  OutputFacts facts_;
  std::unique_ptr<StagedFile> whole_;  // without a subdirectory
  std::vector<Part> parts_;            // with one, by number
  std::map<std::string, std::size_t, std::less<>> part_numbers_;
  std::size_t last_part_ = 0;
  std::optional<std::vector<std::string>> expected_columns_;
};

std::vector<OptionSpec> file_exporter_options() {
  return {
      {.name = "path",
       .type = OptionType::text,
       .description = "Directory for a file per slice; with single_file the file. `{date}`, `{date:%Y/%m/%d}`, "
                      "`{name}` and `{ex_id}` stand for the execution's start (UTC), the job's name and the execution; "
                      "other names for fields of the records: `{country}/{time:%Y-%m}` makes a directory for each "
                      "value.",
       .required = true,
       .is_path = true,
       .is_output = true},
      {.name = "subdirectory",
       .type = OptionType::text,
       .description = "The end of `path` from the first component on that names a field of the records. Set from "
                      "`path`, not by hand."},
      {.name = kPlaceholdersOption,
       .type = OptionType::text_list,
       .description = "Those of `path` that are no fields. Set from `path`, not by hand."},
      {.name = "format",
       .type = OptionType::text,
       .description =
           "ldjson: a record a line; raw: the text of the member `data` a line; json: an array; csv, tsv: RFC 4180.",
       .default_value = "ldjson",
       .choices = {"ldjson", "raw", "json", "csv", "tsv"}},
      {.name = "compression",
       .type = OptionType::text,
       .description = "How files are compressed; by default as the ending of `extension` or, with single_file, of "
                      "`path` says (.gz, .zst, .lz4), otherwise not at all.",
       .choices = {"none", "gzip", "zstd", "lz4"}},
      {.name = "single_file",
       .type = OptionType::boolean,
       .description = "Joins the output of all slices, in slice order, to one file when the job is completed.",
       .default_value = false},
      {.name = "if_exists",
       .type = OptionType::text,
       .description =
           "append: files of other executions stay beside the new ones; fail: the job is refused if anything is there; "
           "replace: the output appears when the job is completed, as a whole, in the place of what is there.",
       .default_value = "append",
       .choices = {"append", "fail", "replace"}},
      {.name = "extension",
       .type = OptionType::text,
       .description = "Ending of the file names; by default by format and compression, such as csv.gz."},
      {.name = "field_delimiter",
       .type = OptionType::text,
       .description = "Character between the fields of csv and tsv; by default a comma, for tsv a tab."},
      {.name = "line_delimiter",
       .type = OptionType::text,
       .description = "Text after each record of ldjson, raw, csv and tsv.",
       .default_value = "\n"},
      {.name = "fields",
       .type = OptionType::text_list,
       .description = "Paths of the fields that are written, as in the list of `selection`; for csv and tsv the "
                      "columns, each named by its path. By default all fields. For csv and tsv by default the fields "
                      "of the first record that the job writes and the columns of the file that it comes from; they "
                      "hold for all slices, and a record with another field is an error."},
      {.name = "include_header",
       .type = OptionType::boolean,
       .description = "Writes the column names as the first row of each csv or tsv file. Without `fields` a file whose "
                      "first record has other members then has columns of its own.",
       .default_value = false},
      {.name = "file_per_slice",
       .type = OptionType::boolean,
       .description = "Accepted; has no effect, since without single_file every slice has a file of its own.",
       .default_value = true},
      {.name = "concurrency",
       .type = OptionType::integer,
       .description = "Accepted for jobs written elsewhere; has no effect."},
      {.name = "extra_args",
       .type = OptionType::object,
       .description = "Accepted for jobs written elsewhere; has no effect."},
  };
}

// A field without a default that no record of a source has: every record of it would be a bad one.
Result<void> check_placeholders(const Json& options, const JobScope& scope) {
  const auto subdirectory = Subdirectory::parse(options.value(kSubdirectoryOption, std::string()));
  if (!subdirectory || !subdirectory->has_fields()) return {};
  const Plan& plan = scope.job.plan;
  for (const auto& way : plan.ways_to(scope.node)) {
    std::vector<OperationSpec> before;
    for (const std::size_t node : way) before.push_back(plan.operation(node));
    const auto known = KnownFields::behind(before, &posix_files());
    if (!known) continue;
    for (const auto& [field, has_default] : subdirectory->fields()) {
      if (has_default || known->may_have(field)) continue;
      return Error(ErrorCode::invalid,
                   fmt::format("path: {{{0}}}: {1}{2}; `{{{0}:-none}}` gives a default", field.text(),
                               plan.form == Plan::Form::graph ? fmt::format("of {}, ", plan.place(way.front())) : "",
                               known->complaint(field, field_placeholder)),
                   false);
    }
  }
  return {};
}

// The same of a field that has one, and of columns.
std::optional<OperationSchema::PlaceWarning> warn_of_fields(const Json& options,
                                                            std::span<const OperationSpec> before) {
  const auto known = KnownFields::behind(before, nullptr);
  if (!known) return std::nullopt;
  for (const Json& word : options.value(kPlaceholdersOption, Json::array()))
    if (known->may_have(FieldPath::of_name(word.get<std::string>())))
      return OperationSchema::PlaceWarning{"path", "path: " + shadow_warning(word.get<std::string>())};
  if (const auto subdirectory = Subdirectory::parse(options.value(kSubdirectoryOption, std::string()))) {
    for (const auto& [field, has_default] : subdirectory->fields())
      if (!known->may_have(field))
        return OperationSchema::PlaceWarning{"path",
                                             fmt::format("path: {}", known->complaint(field, field_placeholder))};
  }
  return absent_field_warning(options, "fields", before);
}

}  // namespace

std::unique_ptr<Sender> make_file_sender() {
  return std::make_unique<FileExporter>();
}

OperationSchema file_sender_schema(const SinkType& sink) {
  OperationSchema schema = schema_of_sink(sink);
  schema.description = "Writes records to files, each slice's output exactly once.";
  schema.options = file_exporter_options();
  schema.check = [](const Json& options) -> Result<void> {
    auto writing = file_writing(options);
    if (!writing) return writing.error();
    // A relative path is the job validation's to resolve or refuse.
    Json placed = options;
    if (const std::string path = options.value("path", ""); !path.starts_with('/')) placed["path"] = "/" + path;
    auto layout = file_layout(placed, "");
    if (!layout) return layout.error();
    return {};
  };
  schema.check_job = check_placeholders;
  schema.check_place = warn_of_fields;
  return schema;
}

OperationEntry file_exporter_operation() {
  OperationSchema schema = file_sender_schema(file_sink_type());
  schema.check = [of_files = schema.check](const Json& options) -> Result<void> {
    const auto subdirectory = Subdirectory::parse(options.value(kSubdirectoryOption, std::string()));
    if (subdirectory && subdirectory->has_route())
      return Error(ErrorCode::invalid, "subdirectory: only routed_sender writes by routes", false);
    return of_files(options);
  };
  return {std::move(schema), [] { return make_file_sender(); }};
}

}  // namespace slicemill
