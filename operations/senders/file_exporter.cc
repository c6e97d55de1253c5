#include "operations/senders/file_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/formats/compressor.h"
#include "core/formats/record_writer.h"
#include "core/outputs/file_layout.h"
#include "core/outputs/output_hash.h"
#include "core/outputs/settled_columns.h"
#include "core/runtime/fault.h"

namespace slicemill {

namespace {

constexpr std::size_t kFlushBytes = 1 << 20;

Result<void> make_durable(WritableFile& file, Files& files, const std::string& directory) {
  RETURN_IF_ERROR(file.sync());
  RETURN_IF_ERROR(file.close());
  RETURN_IF_ERROR(files.sync_directory(directory));
  return fault("staged");
}

class FileExporter final : public Sender {
 public:
  Result<void> initialize(const OperationContext& context) override {
    options_ = context.options;
    files_ = context.files;
    ASSIGN_OR_RETURN(writing_, file_writing(options_));
    text_.reserve(kFlushBytes + kFlushBytes / 2);
    for (const std::string& field : writing_.writer.fields)
      absent_.push_back(context.remark(fmt::format("\"{}\" was in no record", field)));
    replaced_ = context.remark(
        "texts with half of a surrogate pair, which is no character, were written with U+FFFD in its place");
    return {};
  }

  Result<void> begin(const SliceContext& slice) override {
    if (!layout_ || layout_->lineage_id != slice.lineage_id) {
      ASSIGN_OR_RETURN(layout_, file_layout(options_, slice.lineage_id));
      columns_.clear();
    }
    file_.reset();
    staged_path_ = layout_->staged_path(slice.key, slice.attempt);
    facts_ = {};
    facts_.request_hash = request_hash(slice.request);
    hash_.reset();
    text_.clear();
    RecordWriterOptions writer = writing_.writer;
    writer.settle_columns = [this](std::vector<std::string> own) { return settled(std::move(own)); };
    writer_ = make_record_writer(std::move(writer));
    compressor_.reset();
    return {};
  }

  Result<void> expect_columns(const std::vector<std::string>& names) override { return writer_->expect_columns(names); }

  Result<void> write(const RecordBatch& batch) override {
    if (batch.records.empty()) return {};
    if (file_ == nullptr) RETURN_IF_ERROR(create());
    auto appended = writer_->append(batch.records, text_);
    remark();
    RETURN_IF_ERROR(appended);
    facts_.records += batch.records.size();
    return text_.size() < kFlushBytes ? Result<void>() : flush();
  }

  Result<StagedOutput> stage() override {
    if (file_ == nullptr) return StagedOutput{facts_, nullptr};
    writer_->finish(text_);
    RETURN_IF_ERROR(flush());
    if (compressor_ != nullptr) {
      RETURN_IF_ERROR(compressor_->finish(packed_));
      RETURN_IF_ERROR(store(packed_));
    }
    facts_.present = true;
    facts_.checksum = hash_.digest();
    return StagedOutput{facts_, [file = std::shared_ptr<WritableFile>(std::move(file_)), files = files_,
                                 path = staged_path_, directory = layout_->staging_directory()] {
                          auto synced = make_durable(*file, *files, directory);
                          if (!synced) (void)files->remove(path);
                          return synced;
                        }};
  }

  void abandon() override {
    // A file that stays behind is swept at the next start of the execution.
    if (std::exchange(file_, nullptr) != nullptr) (void)files_->remove(staged_path_);
  }

 private:
  void remark() {
    if (writer_->has_replaced_characters()) replaced_.make();
    const auto& found = writer_->found_fields();
    for (std::size_t field = 0; field < found.size(); ++field) {
      absent_[field].make();
      if (found[field]) absent_[field].refute();
    }
  }

  // The columns of the lineage, unless a header says those of this file and it has others.
  Result<std::vector<std::string>> settled(std::vector<std::string> own) {
    if (columns_.empty()) {
      ASSIGN_OR_RETURN(columns_, settle_columns(*files_, *layout_, staged_path_ + ".columns", own));
    }
    const RecordWriterOptions& writer = writing_.writer;
    const bool has_others = std::any_of(own.begin(), own.end(), [&](const std::string& name) {
      return std::find(columns_.begin(), columns_.end(), name) == columns_.end();
    });
    return has_others && writer.include_header && !writer.is_part ? own : columns_;
  }

  Result<void> check_fields() {
    const RecordWriterOptions& writer = writing_.writer;
    if (!is_delimited(writer.format) || !writer.is_part || writer.fields.empty() || !columns_.empty()) return {};
    std::vector<std::string> columns = column_names(writer.fields);
    RETURN_IF_ERROR(check_columns(*files_, *layout_, staged_path_ + ".columns", columns));
    columns_ = std::move(columns);
    return {};
  }

  // The controller makes the directory before the first slice, and takes it away at the end: a worker that wakes up
  // afterwards leaves nothing behind.
  Result<void> create() {
    RETURN_IF_ERROR(fault("staging"));
    auto file = files_->create(staged_path_);
    if (!file) return file.error();
    file_ = std::move(*file);
    packed_.clear();
    RETURN_IF_ERROR(check_fields());
    if (writing_.compression == Compression::none) return {};
    ASSIGN_OR_RETURN(compressor_, make_compressor(writing_.compression));
    return {};
  }

  // text_ goes on: packed first, if the file is compressed.
  Result<void> flush() {
    if (compressor_ == nullptr) return store(text_);
    RETURN_IF_ERROR(compressor_->append(text_, packed_));
    text_.clear();
    return packed_.size() < kFlushBytes ? Result<void>() : store(packed_);
  }

  Result<void> store(std::string& bytes) {
    if (bytes.empty()) return {};
    hash_.update(bytes);
    facts_.bytes += bytes.size();
    auto written = file_->write(bytes);
    bytes.clear();
    return written;
  }

  Json options_;
  Files* files_ = nullptr;
  FileWriting writing_;
  std::optional<FileLayout> layout_;
  std::vector<std::string> columns_;  // that are settled for the lineage; empty: not yet asked for
  OutputHash hash_;
  std::vector<OperationRemark> absent_;  // by field of `fields`
  OperationRemark replaced_;
  // of the slice
  std::string staged_path_;
  OutputFacts facts_;
  std::unique_ptr<RecordWriter> writer_;
  std::unique_ptr<Compressor> compressor_;  // null: stored as it is
  std::unique_ptr<WritableFile> file_;      // null: nothing written yet
  std::string text_;                        // not yet packed or stored
  std::string packed_;                      // not yet stored
};

std::vector<OptionSpec> file_exporter_options() {
  return {
      {.name = "path",
       .type = OptionType::text,
       .description = "Directory for a file per slice; with single_file the file. `{date}`, `{date:%Y/%m/%d}`, "
                      "`{name}` and `{ex_id}` stand for the execution's start (UTC), the job's name and the execution.",
       .required = true,
       .is_path = true,
       .is_output = true},
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

}  // namespace

OperationEntry file_exporter_operation() {
  OperationSchema schema;
  schema.name = "file_exporter";
  schema.kind = OperationKind::sender;
  schema.description = "Writes records to files, each slice's output exactly once.";
  schema.options = file_exporter_options();
  schema.delivery = Delivery::exactly_once;
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
  return {std::move(schema), [] { return std::make_unique<FileExporter>(); }};
}

}  // namespace slicemill
