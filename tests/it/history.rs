//! What went wrong elsewhere, as classes: for each known mistake of a library or server that validates access tokens, the
//! tests that try its whole class here, or the reason why there is nothing to try. Public identifiers only; a name in the
//! last column is a test of this binary, or of `tests/tls` (checked below).
//!
//! Algorithms, keys and envelopes:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | A1 | a public key taken as an HMAC secret | CVE-2015-9235 | `the_octets_of_a_public_key_are_no_hmac_secret` |
//! | A2 | the same in the other formats of a key | CVE-2017-11424, CVE-2022-29217, CVE-2024-33663, CVE-2024-37568 | `the_text_and_der_of_a_pem_key_are_no_hmac_secret` |
//! | A3 | the same behind a changed first octet of the text | CVE-2026-34950, CVE-2026-107722, CVE-2026-102268 | `a_key_of_another_kind_is_no_secret_wherever_in_the_text_it_begins` |
//! | A4 | the JSON text of a JWK taken as a secret | CVE-2026-107724, CVE-2026-48526, CVE-2026-102273 | `a_key_of_another_kind_is_no_secret_wherever_in_the_text_it_begins` |
//! | A5 | an empty secret, or one from an `oct` key | CVE-2026-44351, CVE-2026-45363, CVE-2026-102266 | `a_secret_is_as_long_as_the_hash_or_longer` |
//! | A6 | an empty signature with an empty key verifies nothing | CVE-2026-107720 | `without_a_signature_nothing_is_vouched_for_in_any_configuration` |
//! | A7 | the token's `alg` decides where the key has none | CVE-2026-22817, CVE-2026-22818 | `a_key_without_alg_serves_what_is_allowed_and_one_with_alg_only_that` |
//! | A8 | one `alg` is checked and another one used | CVE-2026-48523 | `key_type_curve_and_the_keys_own_alg_must_fit_the_algorithm` |
//! | A9 | A1 through discovery and JWKS | CVE-2026-33322 | `what_metadata_says_about_algorithms_opens_no_way_for_a_symmetric_one` |
//! | A10 | key and `alg` do not match | CVE-2026-5430 | `key_type_curve_and_the_keys_own_alg_must_fit_the_algorithm` |
//! | A11 | weak keys, and types not tied to algorithms | CVE-2022-23539, CVE-2022-23540, CVE-2022-23541 | `an_unusable_key_is_passed_over_and_never_spoils_the_others` |
//! | A12 | `none` in any spelling or type | CVE-2015-9235 | `tokens_without_a_signature_or_with_a_key_of_their_own_are_refused` |
//! | A13 | ECDSA with r or s of zero or beyond the order | CVE-2022-21449 | `an_ecdsa_signature_is_two_full_length_numbers_within_the_order` |
//! | A14 | the key comes from the token | CVE-2018-0114, CVE-2026-27962, CVE-2025-24976 | `tokens_without_a_signature_or_with_a_key_of_their_own_are_refused` |
//! | A15 | decrypted is taken for signed | CVE-2026-29000 | `an_encrypted_token_is_known_by_its_five_parts_before_its_header_is_believed` |
//! | A16 | encryption and signing confused | CVE-2023-51774, CVE-2022-3102, CVE-2022-39174 | `an_encrypted_token_is_known_by_its_five_parts_before_its_header_is_believed` |
//! | A17 | `enc` on three parts skips the signature | CVE-2024-33531 | `an_encrypted_token_is_known_by_its_five_parts_before_its_header_is_believed` |
//! | A18 | two parsers see two tokens | CVE-2022-39227 | `other_spellings_and_other_serializations_of_a_right_token_are_refused` |
//! | A19 | an unknown `crit` is ignored | CVE-2025-59420, CVE-2026-32597, CVE-2026-35042 | `critical_headers_and_marks_of_other_tokens_are_refused` |
//! | A20 | `b64` makes verifier and reader disagree | RFC 7797 §7 | `critical_headers_and_marks_of_other_tokens_are_refused` |
//! | A21 | with the JWKS down, a well-known key is trusted | CVE-2026-31837 | `with_the_keys_out_of_reach_no_well_known_key_is_trusted` |
//! | A22 | several signatures; points off the curve | CVE-2016-9121, CVE-2016-9122, CVE-2016-9123 | `an_unusable_key_is_passed_over_and_never_spoils_the_others` |
//! | A23 | the length of a GCM tag comes from the token | CVE-2023-37464 | nothing is decrypted |
//! | A24 | `kid` picks a key of another family | CVE-2021-46743 | `keys_that_share_a_kid_are_told_apart_or_all_tried` |
//! | A25 | private members of a published key | CVE-2026-102275 | `private_members_are_neither_needed_nor_kept` |
//! | A26 | a second, later way to verify | CVE-2025-65945 | there is one: `Selected::verify` (invariant 6) |
//!
//! Claims, types and kinds of token:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | B27 | a time of another type is skipped | CVE-2026-25537 | `a_time_in_any_form_is_read_as_the_number_it_is_or_refused_and_never_skipped` |
//! | B28 | a time that is falsy is skipped | fixed without a public id | `a_time_in_any_form_is_read_as_the_number_it_is_or_refused_and_never_skipped` |
//! | B29 | times that overflow or are fractions | fixed without a public id | `a_time_in_any_form_is_read_as_the_number_it_is_or_refused_and_never_skipped` |
//! | B30 | without `exp` a token lives forever | GHSA-wxg7-w2v3-w38g | `required_claims_must_be_there_and_null_is_not_there` |
//! | B31 | only the signature is checked | GHSA-wcvh-g65p-v576 | `every_mistake_in_a_configuration_has_its_code` |
//! | B32 | keys found by the issuer, which is not checked | CVE-2026-22748 | `the_issuer_is_compared_code_point_by_code_point` |
//! | B33 | the audience is skipped in one of the modes | CVE-2023-22482, CVE-2026-55689, CVE-2026-40946, CVE-2026-30223, CVE-2026-55669, CVE-2025-1293, CVE-2025-62610 | `the_audience_is_checked_whatever_way_the_keys_came_and_whatever_the_profile` |
//! | B34 | an array as audience counts as none | CVE-2020-26160 | `the_audience_is_checked_whatever_way_the_keys_came_and_whatever_the_profile` |
//! | B35 | a list against a list | CVE-2024-5798 | `the_audience_is_checked_whatever_way_the_keys_came_and_whatever_the_profile` |
//! | B36 | a part of the issuer is enough | CVE-2024-53861 | `claims_of_others_of_other_times_and_of_other_types_are_refused` |
//! | B37 | an array of issuers | CVE-2025-30144 | `claims_of_others_of_other_times_and_of_other_types_are_refused` |
//! | B38 | a check with a memory, or of exponential cost | CVE-2026-35040, CVE-2026-35041 | `the_same_token_gets_the_same_answer_every_time_and_beside_any_other` |
//! | B39 | claims can be read although a check failed | CVE-2024-51744 | `nothing_of_a_refused_token_leaves_the_layer` |
//! | B40 | another kind of token as an access token | CVE-2026-41164 | `tokens_of_another_kind_are_refused_even_where_typ_does_not_tell` |
//! | B41 | a missing claim widens rights | CVE-2026-54560 | `a_claim_that_is_not_there_never_widens_what_a_token_grants` |
//! | B42 | an empty identity becomes the server's own | CVE-2026-23990 | `a_claim_that_is_not_there_never_widens_what_a_token_grants` |
//! | B43 | `"false"` is true | CVE-2026-55076 | `custom_claims_are_typed_and_claims_that_do_not_fit_are_403` |
//! | B44 | rules about domains of e-mail addresses | CVE-2026-40574 | no rule is about an address |
//! | B45 | an introspection answer without `active` | CVE-2026-11717 | `a_token_is_active_by_the_literal_true_and_by_nothing_like_it` |
//! | B46 | checks that introspected tokens skip | CVE-2026-11718, CVE-2026-11719 | `the_checks_of_a_jwt_are_those_of_an_answer` |
//! | B47 | the issuer of an introspected token | CVE-2025-46647 | `the_issuer_of_an_answer_is_the_one_that_was_asked` |
//! | B48 | `at_hash` of an unknown algorithm passes | CVE-2026-28498 | ID tokens are refused |
//! | B49 | a refreshed token is not validated | fixed without a public id | nothing is refreshed |
//! | B50 | a nonce that is sent and not checked | fixed without a public id | nobody is logged in |
//! | B51 | an introspection endpoint tells of the tokens of others | CVE-2026-58425 | `without_an_audience_the_clients_of_a_list_are_taken_and_no_others` |
//! | B52 | scopes are enforced at one entry of several | CVE-2026-28699, CVE-2026-28744, CVE-2026-27761, CVE-2026-58444 | `the_outer_layer_covers_nested_and_merged_routers_and_fallbacks` |
//!
//! Keys, issuers and what is fetched:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | C53 | keys of several issuers are kept by `kid` alone | CVE-2026-49998 | `keys_of_equal_name_never_verify_the_tokens_of_the_other_issuer` |
//! | C54 | an unverified claim becomes a part of a URL | CVE-2026-32301, CVE-2025-52477 | `an_issuer_outside_the_set_is_refused_before_anything_is_fetched` |
//! | C55 | a pattern for issuers that fits others, too | CVE-2026-22772 | `an_issuer_outside_the_set_is_refused_before_anything_is_fetched` |
//! | C56 | redirects of metadata and keys are followed | CVE-2026-49478, CVE-2026-102267 | `no_redirect_is_followed_wherever_it_leads` |
//! | C57 | URLs of any scheme are opened | CVE-2026-48522, CVE-2025-27817 | `nothing_but_https_is_asked_wherever_a_url_comes_from` |
//! | C58 | a document leads into the server's own network | CVE-2026-41413 | `a_document_leads_to_an_address_inside_only_before_there_were_keys_and_a_client_can_forbid_that` |
//! | C59 | a key that was taken back stays | CVE-2025-22149 | `after_each_fetch_exactly_the_published_keys_verify` |
//! | C60 | a throttle that is off when something else is down | mod_auth_openidc | `ten_thousand_random_kids_in_a_second_cause_one_fetch_also_in_an_outage` |
//! | C61 | `kid` becomes a part of a URL | liboauth2 | `a_kid_is_in_no_url_and_no_event_whatever_it_is` |
//! | C62 | one malformed key spoils its set, or panics | CVE-2026-102274, CVE-2026-42576 | `thirty_malformed_keys_beside_a_good_one_spoil_no_fetch` |
//! | C63 | a fetch outlives its request and meets what is gone | CVE-2025-64527, CVE-2024-45809 | `a_client_that_hangs_up_at_any_moment_of_a_fetch_takes_nothing_from_another` |
//! | C64 | a shared fetch ends with whoever began it | zitadel/oidc | `without_the_first_of_a_hundred_who_wait_the_others_are_admitted_by_the_same_fetch` |
//! | C65 | those who wait together get the answer about another's token | CVE-2026-71326, CVE-2026-88010 | `whoever_waits_together_gets_the_answer_about_its_own_token`, `one_token_at_two_issuers_is_two_tokens` |
//! | C66 | what one request leaves in a shared service shows in another | CVE-2026-33544 | `what_passes_through_clones_of_a_service_at_once_does_not_mix` |
//! | C67 | the certificate of the issuer is not checked | CVE-2025-66001 | `the_default_client_takes_a_valid_certificate_for_the_host_and_no_other` |
//! | C68 | the field `Host` becomes a part of a URL that others believe | Spring Security | no URL is made of a request, and no metadata of a resource is served |
//!
//! Resources:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | D69 | a text of dots is split into its parts | CVE-2025-30204, CVE-2025-27144, CVE-2025-22868 | `neither_dots_nor_length_cost_more_than_their_octets` |
//! | D70 | a part of any length is decoded | CVE-2025-61920 | `neither_dots_nor_length_cost_more_than_their_octets` |
//! | D71 | what is small unpacks to gigabytes | CVE-2024-28180, CVE-2024-28122, CVE-2025-63811, CVE-2025-62706, CVE-2024-21319, CVE-2024-33664 | `a_hostile_key_set_is_an_outage_when_cold_and_leaves_the_old_keys_when_warm` |
//! | D72 | the token sets the rounds of PBES2 | CVE-2023-50658, CVE-2023-49290, CVE-2023-51775, CVE-2023-6681 | `an_encrypted_token_is_known_by_its_five_parts_before_its_header_is_believed` |
//! | D73 | a crafted text makes a parser panic | CVE-2026-34986, CVE-2024-21664 | `no_document_makes_a_parser_panic_or_say_more_than_a_plain_one` |
//! | D74 | nesting overflows the stack | CVE-2025-53864 | `depth_is_bounded_and_a_crowd_of_members_is_not_slow`, `answers_are_bounded_in_depth_and_size` |
//! | D75 | an answer of the authorization server has no bounds | CVE-2026-26998 | `an_answer_that_does_not_end_is_given_up_after_five_seconds`, `an_answer_larger_than_the_bound_is_given_up_before_it_ends`, `an_endpoint_that_answers_slowly_or_not_at_all_is_given_up_after_five_seconds` |
//! | D76 | a crafted cookie | CVE-2024-24814, CVE-2023-28625 | no cookie is read |
//! | D77 | logins under way fill the memory | CVE-2026-67437, CVE-2026-28789, CVE-2026-55512 | nobody is logged in |
//! | D78 | labels of metrics come from the request | GHSA-9c54-x2g4-v92j | `whatever_a_token_says_the_reason_is_one_of_a_closed_list` |
//! | D79 | a store of seen proofs overflows | known from documentation | no proof is read, so none is remembered |
//! | D80 | names from outside are kept forever | CVE-2024-31209 | `strangers_leave_nothing_behind` |
//!
//! Routes, paths, fields and proxies:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | E81 | a `?` or `#` behind an exact path takes it from its rule | CVE-2020-8595, CVE-2021-39156 | `neither_query_nor_fragment_is_a_part_of_the_path_that_finds_the_rule` |
//! | E82 | rules match the target with its query, and the router without | CVE-2025-54576, CVE-2026-41059, CVE-2023-47106, CVE-2026-32811, CVE-2026-49473 | `neither_query_nor_fragment_is_a_part_of_the_path_that_finds_the_rule` |
//! | E83 | dots, slashes, backslashes and what is encoded: guard and router see two paths | CVE-2026-33494, CVE-2025-47952, CVE-2025-66490, CVE-2026-48020, CVE-2026-40912, CVE-2026-65600, CVE-2026-67309, CVE-2026-42274, CVE-2026-42272, CVE-2026-26205, CVE-2021-43557, CVE-2021-27306, CVE-2023-4853, CVE-2021-29492 | `whichever_handler_of_axum_runs_the_rule_that_was_asked_is_the_one_of_its_route`, `whichever_method_of_tonic_runs_the_rule_that_was_asked_is_its_own`, `a_service_that_matches_paths_itself_runs_no_handler_behind_the_rule_of_another`, `a_path_that_could_be_read_in_two_ways_is_put_to_no_rule_and_every_other_one_is`, `what_a_rule_names_is_known_in_other_spellings_which_are_refused` |
//! | E84 | a prefix that the guard does not count in | CVE-2026-22753, CVE-2026-22754 | `whichever_handler_of_axum_runs_the_rule_that_was_asked_is_the_one_of_its_route`, `below_nest_the_path_is_the_clients_and_what_rewrites_it_belongs_outside` |
//! | E85 | a `:path` without a slash in front | CVE-2026-33186 | `a_path_of_http_2_without_a_slash_in_front_finds_no_rule`, `a_target_in_another_form_finds_the_rule_of_its_path_or_none` |
//! | E86 | hosts in another spelling | CVE-2026-42273, CVE-2026-48794 | `no_field_of_a_request_changes_which_rule_is_asked_or_says_that_one_was` |
//! | E87 | methods in another case, in a field, or that stand for another | Spring Framework, Oathkeeper | `the_rule_is_that_of_the_method_of_the_request_line_whatever_else_names_one`, `the_method_of_the_request_line_is_the_one_that_is_judged`, `cors_outside_a_table_answers_preflights_and_inside_they_need_a_rule` |
//! | E88 | a health check is known by its `User-Agent` | CVE-2026-34457 | `no_field_of_a_request_changes_which_rule_is_asked_or_says_that_one_was` |
//! | E89 | forwarding fields are believed of anyone | CVE-2026-40575, CVE-2026-33495, CVE-2026-35051, CVE-2026-39858, CVE-2026-54764, CVE-2023-27487, CVE-2024-21494, CVE-2026-57210 | `no_field_of_a_request_changes_which_rule_is_asked_or_says_that_one_was` |
//! | E90 | another spelling of the field that names the user | CVE-2025-64484, CVE-2026-33433, CVE-2026-54763, CVE-2026-88011, CVE-2026-45045 | no claim becomes a field: the token is in the extensions |
//! | E91 | fields with claims come from the client where nobody asked for a token | CVE-2017-6413 | no claim becomes a field: the token is in the extensions |
//! | E92 | `Connection` takes the trusted field away | CVE-2024-45410, CVE-2026-29054 | `every_form_of_target_method_and_version_meets_the_same_gate`, `no_field_of_a_request_changes_which_rule_is_asked_or_says_that_one_was` |
//! | E93 | of several fields the first or the last is checked | CVE-2026-26308, CVE-2020-25017, CVE-2021-32777 | `more_than_one_authorization_line_is_refused_in_any_number_case_and_order`, `requests_that_share_a_connection_are_judged_each_on_its_own` |
//! | E94 | the scheme is not looked at | Hono | `the_token_is_taken_from_the_authorization_field_with_the_scheme_in_any_case`, `no_credential_and_another_scheme_get_a_challenge_without_error` |
//! | E95 | where no token is needed, a bad one passes | CVE-2021-21378 | `anyone_admits_requests_without_a_credential_and_refuses_bad_ones` |
//! | E96 | a listener or a fallback without the check | CVE-2026-50149 | `a_table_covers_fallbacks_and_every_part_of_a_router`, `the_outer_layer_covers_nested_and_merged_routers_and_fallbacks`, `axum_leaves_what_no_method_names_out_of_the_layer_on_the_methods_of_a_route` |
//! | E97 | the policy of a route replaces the one around it | Envoy Gateway | `a_table_inside_another_policy_tightens_it_and_never_loosens_it`, `tables_and_requirements_on_the_whole_a_part_and_a_route_all_have_their_say`, `a_table_of_another_server_takes_no_word_of_the_outer_one_for_it` |
//! | E98 | a malformed `Host` changes the URI that a proof is for | express-oauth2-jwt-bearer | no proof is read |
//! | E99 | the address of the client, or early data, gets around a list of addresses | CVE-2024-39321, CVE-2026-57210 | no rule is about an address |
//! | E100 | a field makes the check skip itself | CVE-2025-29927 | `no_field_of_a_request_changes_which_rule_is_asked_or_says_that_one_was`, `a_validated_token_cannot_be_planted` |
//! | E101 | text of the token in a challenge | Spring Security, Duende | `whatever_a_token_says_the_reason_is_one_of_a_closed_list`, `every_401_403_and_400_has_one_challenge_with_a_parameter` |
//!
//! Answers that are kept:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | F102 | two tokens meet under one key that is made of claims | CVE-2026-35039 | `a_token_is_known_by_all_of_its_text` |
//! | F103 | one issuer's answer serves for another | CVE-2026-33496 | `one_token_at_two_issuers_is_two_tokens`, `one_issuer_in_two_servers_is_asked_by_each_and_judged_by_the_settings_of_each`, `an_answer_for_an_issuer_that_was_replaced_meanwhile_admits_nothing` |
//! | F104 | a kept answer skips the checks of scope, audience and issuer | CVE-2021-32701 | `a_kept_answer_is_judged_by_the_policy_of_each_route`, `a_kept_answer_is_judged_anew_by_the_clock` |
//! | F105 | an answer is used after its token has expired | CWE-613 in liboauth2 | `no_answer_is_used_from_exp_on_although_the_leeway_would_admit` |
//! | F106 | hosts share what is kept, and the audience is not looked at again | mod_auth_openidc | `one_issuer_in_two_servers_is_asked_by_each_and_judged_by_the_settings_of_each` |
//! | F107 | another spelling of a token is not on the list of those that were revoked | CVE-2026-102269 | `a_part_has_one_spelling_even_if_another_one_was_signed`, `a_token_is_known_by_all_of_its_text` |
//! | F108 | a lifetime of zero, or less, is one without end | Ristretto | `what_expires_at_the_instant_of_the_answer_is_not_kept`, `a_revocation_is_seen_within_the_lifetime_and_at_once_where_it_is_zero` |
//! | F109 | a change of rights is not seen | GHSA-x883-2vmg-xwf7, CVE-2021-41230, CVE-2026-35594, CVE-2026-33031 | `a_revocation_is_seen_within_the_lifetime_and_at_once_where_it_is_zero`, `a_forgotten_token_is_asked_about_again_and_others_are_not`, `an_answer_on_its_way_while_its_token_is_forgotten_is_not_kept` |
//! | F110 | a refusal, or an outage, is kept like an admission | sechub | `an_inactive_token_is_remembered_for_ten_seconds_and_no_longer_than_an_active_one`, `an_error_is_never_kept` |
//! | F111 | what was seen before is let through while the store is down | mod_auth_openidc | no proof is read, and answers are in memory |
//! | F112 | a key becomes a command | liboauth2 | what is kept is in memory, under a SHA-256 |
//!
//! What came to light late:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | H144 | an active answer about a token for somebody else | CVE-2026-37979 | `the_audience_of_an_answer_is_this_server` |
//! | H145 | a name that occurs twice, where two parsers see two documents | Spring Security, JJWT, ruby-jwt | `a_name_that_occurs_twice_is_refused_at_every_depth`, `a_name_that_occurs_twice_in_an_answer_is_refused_at_every_depth` |
//! | H148 | services that share a store share the answers, whatever their settings | Quarkus, Duende, lua-resty-openidc | `one_issuer_in_two_servers_is_asked_by_each_and_judged_by_the_settings_of_each` |
//! | H149 | the digest of a token, presented as one, finds what is kept of that token | steemit/wallet | `a_token_is_known_by_all_of_its_text` |
//! | H150 | tokens are kept as they are | IdentityServer3, Duende | `the_status_and_the_debug_forms_of_a_server_have_nothing_of_a_token` |
//!
//! What the usual base crate leaves to its users:
//!
//! | no. | class | known from | tried by |
//! |---|---|---|---|
//! | I1 | no `iss`, no `aud`, or of another type | `jsonwebtoken` 11 | `another_verifier_takes_nothing_that_we_refuse_without_a_reason_and_the_other_way_round` |
//! | I2 | `iss` as an array | `jsonwebtoken` 11 | `another_verifier_takes_nothing_that_we_refuse_without_a_reason_and_the_other_way_round` |
//! | I3 | claims as an array, by position | `jsonwebtoken` 11 | `the_payload_is_one_json_object_in_utf_8` |
//! | I4 | `crit` and `b64` | `jsonwebtoken` 11 | `another_verifier_takes_nothing_that_we_refuse_without_a_reason_and_the_other_way_round` |
//! | I5 | a header parameter of another type is no error | `jsonwebtoken` 10 | `the_header_is_one_json_object_in_utf_8_with_distinct_names` |
//! | I6 | names that occur twice | `jsonwebtoken` 11 | `a_name_that_occurs_twice_is_refused_at_every_depth` |
//! | I7 | `typ` of another token | `jsonwebtoken` 11 | `typ_is_a_media_type_and_only_those_of_the_profile_are_access_tokens` |
//! | I8 | `enc` and `zip` on three parts | `jsonwebtoken` 11 | `another_verifier_takes_nothing_that_we_refuse_without_a_reason_and_the_other_way_round` |
//! | I9 | empty secrets, and JSON as a secret | `jsonwebtoken` 11 | `a_secret_is_as_long_as_the_hash_or_longer` |
//! | I10 | times out of range | `jsonwebtoken` 11 | `extreme_numbers_neither_wrap_nor_mean_forever` |
//! | I11 | other spellings of base64url | both refuse | `a_part_has_one_spelling_even_if_another_one_was_signed` |
//! | I12 | depth, and dots | both refuse | `neither_dots_nor_length_cost_more_than_their_octets` |
//! | I13 | an endless leeway | `jsonwebtoken` 11 | `every_mistake_in_a_configuration_has_its_code` |
//! | I14 | one unknown key spoils a set | `jsonwebtoken` 10 | `an_unusable_key_is_passed_over_and_never_spoils_the_others` |

mod claims;
mod envelope;
mod exhaustion;
mod keys;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let after = text.split("#[test]").chain(text.split("#[tokio::test")).skip(1);
        let named = after.filter_map(|rest| rest.split_once("fn ")?.1.split_once('(')).map(|(name, _)| name);
        names.extend(named.map(str::to_owned));
    }
}

#[test]
fn every_row_of_the_history_names_a_test_that_exists_or_a_reason() {
    let mut tests = BTreeSet::new();
    for binary in ["tests/it", "tests/tls"] {
        functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(binary), &mut tests);
    }
    assert!(tests.len() > 150, "{} tests were found", tests.len());
    let rows: Vec<Vec<&str>> = include_str!("history.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .map(|line| line.trim_end_matches(" |").split(" | ").collect())
        .filter(|row: &Vec<&str>| row[0] != "no.")
        .collect();
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let names: Vec<_> = row[3].split(", ").collect();
        let name = |quoted: &&str| {
            quoted.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).map(str::to_owned)
        };
        match names.iter().map(name).collect::<Option<Vec<_>>>() {
            Some(names) => assert!(names.iter().all(|name| tests.contains(name)), "{row:?}"),
            None => assert!(row[3].contains(' '), "a reason has words: {row:?}"),
        }
    }
    let numbers: Vec<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    let expected = (1..=26).map(|number| format!("A{number}"));
    let expected = expected.chain((27..=52).map(|number| format!("B{number}")));
    let expected = expected.chain((53..=68).map(|number| format!("C{number}")));
    let expected = expected.chain((69..=80).map(|number| format!("D{number}")));
    let expected = expected.chain((81..=101).map(|number| format!("E{number}")));
    let expected = expected.chain((102..=112).map(|number| format!("F{number}")));
    let expected = expected.chain((144..=145).chain(148..=150).map(|number| format!("H{number}")));
    let expected = expected.chain((1..=14).map(|number| format!("I{number}")));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
}
