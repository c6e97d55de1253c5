#include "master/keyed_submissions.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "core/runtime/json.h"

namespace slicemill::master {
namespace {

// Text of a value with the members of objects in the order of their names, into a digest.
class CanonicalDigest {
 public:
  CanonicalDigest() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
  ~CanonicalDigest() { EVP_MD_CTX_free(context_); }
  CanonicalDigest(const CanonicalDigest&) = delete;
  CanonicalDigest& operator=(const CanonicalDigest&) = delete;

  void add_text(std::string_view text) { EVP_DigestUpdate(context_, text.data(), text.size()); }

  void add(const Json& value) {
    if (value.is_object()) return add_object(value);
    if (!value.is_array()) return add_text(to_compact_text(value));
    add_text("[");
    for (const Json& item : value) {
      add(item);
      add_text(",");
    }
    add_text("]");
  }

  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_, bytes.data(), &size);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes.at(i));
    return hex;
  }

 private:
  void add_object(const Json& object) {
    std::vector<std::pair<std::string_view, const Json*>> members;
    for (const auto& [name, value] : object.items()) members.emplace_back(name, &value);
    std::ranges::sort(members, {}, [](const auto& member) { return member.first; });
    add_text("{");
    for (const auto& [name, value] : members) {
      add(Json(std::string(name)));
      add_text(":");
      add(*value);
      add_text(",");
    }
    add_text("}");
  }

  EVP_MD_CTX* context_;
};

}  // namespace

std::string fingerprint_of(const Json& posted, bool start) {
  CanonicalDigest digest;
  digest.add_text(start ? "started " : "stored ");
  digest.add(posted);
  return digest.finish();
}

KeyedSubmissions::KeyedSubmissions(Loop& loop, Registry& registry, Make make)
    : loop_(loop), registry_(registry), make_(std::move(make)) {}

void KeyedSubmissions::submit(Json posted, SubmitRequest request, Reply<Submitted> reply) {
  Waiting waiting{std::move(posted), request.start, {}, std::move(reply)};
  if (!is_large_document(waiting.posted)) {
    waiting.fingerprint = fingerprint_of(waiting.posted, waiting.start);
    return enter(request.key, std::move(waiting));
  }
  auto task = std::make_shared<Waiting>(std::move(waiting));
  loop_.offload(
      Loop::Executor::documents, [task] { task->fingerprint = fingerprint_of(task->posted, task->start); },
      [this, task, key = std::move(request.key), alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) enter(key, std::move(*task));
      });
}

void KeyedSubmissions::enter(const std::string& key, Waiting waiting) {
  auto& queue = under_way_[key];
  queue.push_back(std::move(waiting));
  if (queue.size() == 1) serve_next(key);
}

// Whoever waited looks anew: what came before may have made the job, or failed.
void KeyedSubmissions::serve_next(const std::string& key) {
  Waiting& first = under_way_.at(key).front();
  const Reply<Submitted> reply = std::move(first.reply);
  const auto known = registry_.submission(key);
  if (!known) return served(key, reply, known.error());
  if (*known && (*known)->fingerprint != first.fingerprint)
    return served(key, reply,
                  Error{ErrorCode::conflict,
                        fmt::format("the idempotency key \"{}\" was used for another job, {}; send another key with "
                                    "another job",
                                    key, (*known)->job_id.text)});
  if (*known)
    return served(
        key, reply,
        Submitted{
            .job_id = (*known)->job_id, .job_seq = (*known)->job_seq, .ex_id = (*known)->ex_id, .is_repeated = true});
  make_(std::move(first.posted), first.start, SubmissionRow{key, first.fingerprint, {}, {}},
        [this, key, reply, alive = std::weak_ptr<int>(alive_)](const Result<Submitted>& submitted) {
          if (!alive.expired()) served(key, reply, submitted);
        });
}

void KeyedSubmissions::served(const std::string& key, const Reply<Submitted>& reply, const Result<Submitted>& result) {
  auto& queue = under_way_.at(key);
  queue.pop_front();
  const bool more = !queue.empty();
  if (!more) under_way_.erase(key);
  if (more)
    loop_.post([this, key, alive = std::weak_ptr<int>(alive_)] {
      if (!alive.expired()) serve_next(key);
    });
  reply(result);
}

}  // namespace slicemill::master
