#include "api/dialects/teraslice/log_following.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/model/execution.h"

namespace slicemill::api::teraslice {
namespace {

constexpr std::chrono::milliseconds kLookEvery{250};
constexpr int kQuietLooks = 3;  // a process says a few last words after its execution has ended

bool is_ended(const ShownDocument& document) {
  const auto member = std::ranges::find(document.laid_over, "_status", &std::pair<std::string, std::string>::first);
  if (member == document.laid_over.end()) return false;
  const auto text = parse_json(member->second);
  const auto status = text && text->is_string() ? parse_execution_status(text->get<std::string>()) : std::nullopt;
  return status && is_terminal(*status);
}

class LogBody final : public BodySource, public std::enable_shared_from_this<LogBody> {
 public:
  LogBody(JobService& service, ExecutionId id, LogQuery query, LogPart begun)
      : service_(service), id_(std::move(id)), query_(std::move(query)), text_(std::move(begun.text)) {
    query_.from = std::move(begun.position);
  }

  Result<std::string> next() override {
    std::string text = std::exchange(text_, {});
    if (!is_reading_ && quiet_looks_ < kQuietLooks) look();
    return text;
  }
  bool at_end() const override { return quiet_looks_ >= kQuietLooks && text_.empty(); }
  std::chrono::milliseconds pause() const override { return kLookEvery; }

 private:
  void look() {
    is_reading_ = true;
    service_.get_execution(id_, [weak = weak_from_this()](const Result<ShownDocument>& document) {
      if (const auto self = weak.lock()) self->read(!document || is_ended(*document));
    });
  }

  void read(bool has_ended) {
    service_.read_log(id_, query_, [weak = weak_from_this(), has_ended](const Result<LogPart>& part) {
      if (const auto self = weak.lock()) self->take(has_ended, part);
    });
  }

  void take(bool has_ended, const Result<LogPart>& part) {
    is_reading_ = false;
    const bool is_quiet = !part || part->text.empty();
    quiet_looks_ = has_ended && is_quiet ? quiet_looks_ + 1 : 0;
    if (!part) return;
    if (part->gap) text_ += "... lines are missing here: the log was rotated away\n";
    text_ += part->text;
    query_.from = part->position;
  }

  JobService& service_;
  ExecutionId id_;
  LogQuery query_;
  std::string text_;
  bool is_reading_ = false;
  int quiet_looks_ = 0;
};

}  // namespace

std::shared_ptr<BodySource> follow_log(JobService& service, const ExecutionId& id, LogQuery query, LogPart begun) {
  return std::make_shared<LogBody>(service, id, std::move(query), std::move(begun));
}

}  // namespace slicemill::api::teraslice
