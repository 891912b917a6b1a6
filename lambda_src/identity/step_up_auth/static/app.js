// Users sign in by authorization code with PKCE. A 401 starts the step-up; the user then repeats the call.
// The token is in this variable only: scripts of other pages and later visitors cannot find it in a storage.
let token = null;
let challenge = null; // { type, operation }

const here = location.origin + location.pathname;
const element = (id) => document.getElementById(id);
const config = await (await fetch("config.json")).json();

function say(text) {
  element("status").textContent = text;
}

function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function random() {
  return encode(crypto.getRandomValues(new Uint8Array(32)));
}

async function signIn() {
  const verifier = random();
  const state = random();
  sessionStorage.setItem("sign-in", JSON.stringify({ verifier, state }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: config.clientId,
    redirect_uri: here,
    scope: config.scopes,
    state,
    code_challenge: encode(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(config.authorizeUrl + "?" + query);
}

async function finishSignIn() {
  const query = new URLSearchParams(location.search);
  const pending = JSON.parse(sessionStorage.getItem("sign-in") || "null");
  sessionStorage.removeItem("sign-in");
  history.replaceState(null, "", location.pathname); // keep the code out of the history
  if (!query.has("code")) {
    if (query.has("error")) say("Sign-in failed: " + query.get("error"));
    return;
  }
  if (!pending || pending.state !== query.get("state")) {
    say("Sign-in failed: this response does not belong to a sign-in of this window.");
    return;
  }
  const answer = await fetch(config.tokenUrl, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: config.clientId,
      code: query.get("code"),
      redirect_uri: here,
      code_verifier: pending.verifier,
    }),
  });
  if (!answer.ok) {
    say("Sign-in failed.");
    return;
  }
  token = (await answer.json()).access_token;
  say("Signed in.");
}

async function call(method, path, body) {
  const answer = await fetch(path.replace(/^\//, ""), {
    method,
    headers: { Authorization: "Bearer " + token, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  return { status: answer.status, body: await answer.json().catch(() => ({})) };
}

async function cognito(operation, body) {
  const answer = await fetch(config.cognitoUrl, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": "AWSCognitoIdentityProviderService." + operation,
    },
    body: JSON.stringify({ AccessToken: token, ...body }),
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.message || operation + " failed");
  return value;
}

async function invoke(operation) {
  const [method, path] = operation.split(" ");
  const answer = await call(method, path);
  const challenged = answer.status === 401;
  element("response").textContent = challenged
    ? "Response: 401 authorization challenge"
    : "Response: " + answer.status + "\n" + JSON.stringify(answer.body, null, 2);
  say(challenged ? "" : operation + (answer.status === 200 ? " succeeded." : " was refused."));
  if (challenged) await stepUp(operation);
}

async function stepUp(operation) {
  const answer = await call("POST", "/initiate-auth", { operation });
  if (answer.status === 401) {
    signOut("Your sign-in has ended. Sign in again.");
  } else if (answer.status !== 200) {
    say(answer.body.message || "The step-up could not begin.");
  } else if (answer.body.enrolmentRequired) {
    say("You have no second factor yet. Configure one in the settings, then sign in again.");
    element("configure").focus();
  } else {
    challenge = answer.body.challengeType;
    const sent = { SMS_STEP_UP: "It was sent to your phone.", EMAIL_STEP_UP: "It was sent to your e-mail address." };
    element("code-hint").textContent = sent[challenge] || "Your authenticator app shows it.";
    element("challenge").hidden = false;
    element("code").value = "";
    element("code").focus();
  }
}

async function respond(event) {
  event.preventDefault();
  const answer = await call("POST", "/respond-to-challenge", { challengeType: challenge, code: element("code").value });
  if (answer.status === 200) {
    element("challenge").hidden = true;
    say("Step-up succeeded. Invoke the operation again.");
    element("operations").querySelector("button")?.focus();
  } else {
    say(answer.body.message || "The code was not accepted.");
    element("code").value = "";
    element("code").focus();
  }
}

async function configure() {
  const answer = await cognito("AssociateSoftwareToken", {});
  element("secret").textContent = answer.SecretCode;
  element("enrol-form").hidden = false;
  element("enrol-code").focus();
}

async function enrol(event) {
  event.preventDefault();
  await cognito("VerifySoftwareToken", { UserCode: element("enrol-code").value, FriendlyDeviceName: "Step-up" });
  element("secret").textContent = "";
  element("enrol-form").hidden = true;
  say("Software Token successfully configured! It takes effect at your next sign-in.");
  element("prefer").focus();
}

async function prefer() {
  await cognito("SetUserMFAPreference", { SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true } });
  say("User preferred MFA set to Software Token. It takes effect at your next sign-in.");
}

function signOut(text) {
  token = null;
  challenge = null;
  element("challenge").hidden = true;
  element("response").textContent = "None yet.";
  say(text || "Signed out.");
  show();
}

function show() {
  element("signed-out").hidden = token !== null;
  element("signed-in").hidden = element("sign-out").hidden = token === null;
}

// Every action reports its failure to the user.
const act = (action) => (event) =>
  Promise.resolve(action(event)).catch((error) => say("That did not work: " + error.message));

for (const operation of config.operations) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Invoke " + operation;
  button.addEventListener("click", act(() => invoke(operation)));
  element("operations").append(document.createElement("li"));
  element("operations").lastElementChild.append(button);
}
element("sign-in").addEventListener("click", act(signIn));
element("sign-out").addEventListener("click", () => signOut());
element("configure").addEventListener("click", act(configure));
element("prefer").addEventListener("click", act(prefer));
element("enrol-form").addEventListener("submit", act(enrol));
element("challenge-form").addEventListener("submit", act(respond));
await finishSignIn();
show();
